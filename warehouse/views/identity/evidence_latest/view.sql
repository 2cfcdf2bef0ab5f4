-- Why records are one by the newest decision: of each entity the pairs that hold all its records.
-- Key: left_key, right_key. The query is that of schemas.tables.latest_sql; times are UTC.
SELECT * FROM (SELECT * FROM `identity.evidence` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY left_key, right_key ORDER BY revision DESC) = 1) WHERE NOT is_deleted
