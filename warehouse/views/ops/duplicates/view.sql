-- Things that stand twice where they should stand once: must be empty. One row a thing.
-- Rules, by what: "latest" is a key with two rows in a view that has one row a key; "short id" a
-- Salesforce record under its id of 15 characters and that of 18, which begins with it; "message id"
-- are mails under one Message-ID that are not one interaction.
WITH named AS (
  SELECT 'sales.people_latest' AS place, record_key AS thing FROM `sales.people_latest`
  UNION ALL
  SELECT 'sales.accounts_latest', record_key FROM `sales.accounts_latest`
  UNION ALL
  SELECT 'sales.deals_latest', record_key FROM `sales.deals_latest`
  UNION ALL
  SELECT 'sales.interactions_latest', CONCAT(record_key, ' ', part) FROM `sales.interactions_latest`
  UNION ALL
  SELECT 'sales.participants_latest', CONCAT(record_key, ' ', CAST(ordinal AS STRING))
  FROM `sales.participants_latest`
  UNION ALL
  SELECT 'identity.links_latest', record_key FROM `identity.links_latest`
  UNION ALL
  SELECT 'identity.entities_latest', entity_id FROM `identity.entities_latest`
  UNION ALL
  SELECT 'identity.resolved_keys', record_key FROM `identity.resolved_keys`
),
records AS (
  SELECT 'sales.people_latest' AS place, object_type, object_id, SUBSTR(object_id, 1, 15) AS short_id
  FROM `sales.people_latest`
  WHERE source = 'salesforce'
  UNION ALL
  SELECT 'sales.accounts_latest', object_type, object_id, SUBSTR(object_id, 1, 15)
  FROM `sales.accounts_latest`
  WHERE source = 'salesforce'
  UNION ALL
  SELECT 'sales.deals_latest', object_type, object_id, SUBSTR(object_id, 1, 15)
  FROM `sales.deals_latest`
  WHERE source = 'salesforce'
),
mails AS (
  SELECT DISTINCT message_id_header, interaction_id
  FROM `sales.interactions_latest`
  WHERE kind = 'email' AND message_id_header IS NOT NULL AND NOT is_draft
)
SELECT 'latest' AS what, place, thing, COUNT(*) AS times
FROM named
GROUP BY place, thing
HAVING COUNT(*) > 1
UNION ALL
SELECT
  'short id' AS what,
  place,
  CONCAT('salesforce:', object_type, ':', short_id) AS thing,
  COUNT(DISTINCT object_id) AS times
FROM records
WHERE LENGTH(object_id) IN (15, 18)
GROUP BY place, object_type, short_id
HAVING COUNT(DISTINCT object_id) > 1
UNION ALL
SELECT
  'message id' AS what,
  'sales.interactions_latest' AS place,
  MIN(interaction_id) AS thing,
  COUNT(*) AS times
FROM mails
GROUP BY message_id_header
HAVING COUNT(*) > 1
