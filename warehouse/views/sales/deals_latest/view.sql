-- Deals as every source has them now: the newest version of each record, tombstones left out. Key:
-- record_key. The query is that of schemas.tables.latest_sql; times are UTC.
SELECT * FROM (SELECT * FROM `sales.deals` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1) WHERE NOT is_deleted
