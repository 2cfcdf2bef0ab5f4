-- People and accounts as resolved by the newest decision; retired ones are left out. Key:
-- entity_id. The query is that of schemas.tables.latest_sql; times are UTC.
SELECT * FROM (SELECT * FROM `identity.entities` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY entity_id ORDER BY revision DESC) = 1) WHERE NOT is_retired
