-- Open deals, each once: what two CRMs both have is one row. Times are UTC.
-- Rules: a deal that says of another living one that it is the same is its copy and left out; where
-- both say so, the greater key is. Then what is closed is left out. The account is the one that the
-- deal has today, merges followed; the owner is the user's entity.
WITH pairs AS (
  SELECT deal.record_key, linked_key
  FROM `sales.deals_latest` AS deal
  CROSS JOIN UNNEST(deal.linked_keys) AS linked_key
),
copies AS (
  SELECT DISTINCT pairs.record_key
  FROM pairs
  JOIN `sales.deals_latest` AS original ON original.record_key = pairs.linked_key
  LEFT JOIN pairs AS back
    ON back.record_key = pairs.linked_key AND back.linked_key = pairs.record_key
  WHERE
    pairs.record_key != pairs.linked_key
    AND (back.record_key IS NULL OR pairs.record_key > pairs.linked_key)
),
owners AS (
  SELECT entity_id AS owner_entity_id, display_name AS owner_name
  FROM `identity.entities_latest`
)
SELECT
  deal.name AS deal_name,
  account.display_name AS account_name,
  account.primary_domain AS account_domain,
  owner.owner_name,
  deal.stage,
  deal.amount,
  deal.currency,
  deal.close_date,
  deal.created_at,
  account.entity_id AS account_entity_id,
  owner.owner_entity_id,
  deal.record_key AS deal_key
FROM `sales.deals_latest` AS deal
LEFT JOIN copies ON copies.record_key = deal.record_key
LEFT JOIN `identity.resolved_keys` AS account_link
  ON account_link.record_key = deal.record_key AND account_link.kind = 'deal'
LEFT JOIN `identity.entities_latest` AS account ON account.entity_id = account_link.entity_id
LEFT JOIN `identity.resolved_keys` AS owner_link ON owner_link.record_key = deal.owner_key
LEFT JOIN owners AS owner ON owner.owner_entity_id = owner_link.entity_id
WHERE copies.record_key IS NULL AND NOT COALESCE(deal.is_closed, FALSE)
