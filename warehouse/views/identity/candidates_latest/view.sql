-- Pairs of records that may be one and are not, by the newest decision; what is decided, joined or
-- gone is left out. Key: left_key, right_key. The query is that of schemas.tables.latest_sql; times
-- are UTC.
SELECT * FROM (SELECT * FROM `identity.candidates` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY left_key, right_key ORDER BY revision DESC) = 1) WHERE NOT is_deleted
