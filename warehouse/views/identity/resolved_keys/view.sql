-- Which entity a record_key means today: one row a key. A key that its source has merged away
-- means the entity of the record it was merged into. A deal is no entity: it means that of its
-- account (kind deal). A key without a link is not here. is_merged tells the merged keys.
WITH links AS (
  SELECT record_key, entity_id, kind
  FROM `identity.links_latest`
  WHERE entity_id IS NOT NULL
),
merged AS (
  SELECT record_key, survivor_key
  FROM `identity.merged_keys`
),
named AS (
  SELECT links.record_key, links.entity_id, links.kind, FALSE AS is_merged
  FROM links
  LEFT JOIN merged ON merged.record_key = links.record_key
  WHERE merged.record_key IS NULL
  UNION ALL
  SELECT merged.record_key, links.entity_id, links.kind, TRUE AS is_merged
  FROM merged
  JOIN links ON links.record_key = merged.survivor_key
),
deals AS (
  SELECT deal.record_key, named.entity_id
  FROM `sales.deals_latest` AS deal
  JOIN named ON named.record_key = deal.account_key
  WHERE named.kind = 'account'
)
SELECT record_key, entity_id, kind, is_merged
FROM named
UNION ALL
SELECT record_key, entity_id, 'deal' AS kind, FALSE AS is_merged
FROM deals
UNION ALL
SELECT merged.record_key, deals.entity_id, 'deal' AS kind, TRUE AS is_merged
FROM merged
JOIN deals ON deals.record_key = merged.survivor_key
