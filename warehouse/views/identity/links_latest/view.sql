-- Which entity each record belongs to by the newest decision; records that are gone are left out.
-- Key: record_key. The query is that of schemas.tables.latest_sql; times are UTC.
SELECT * FROM (SELECT * FROM `identity.links` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY revision DESC) = 1) WHERE NOT is_deleted
