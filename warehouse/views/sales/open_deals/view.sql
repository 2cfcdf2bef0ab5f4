-- Open deals, each once: what two CRMs both have is one row. Times are UTC.
-- Rules: a copy of another deal is left out (sales.deal_copies), then what is closed. Of deals that
-- are merged into each other in a ring, so that none is left, the one that identity.merged_keys
-- means lives on as it last was. The account is the one that the deal has today, merges followed;
-- the owner is the user's entity.
WITH living AS (
  SELECT * FROM `sales.deals_latest`
  UNION ALL
  SELECT deal.*
  FROM `sales.deals` AS deal
  JOIN (SELECT DISTINCT survivor_key FROM `identity.merged_keys`) AS survivor
    ON survivor.survivor_key = deal.record_key
  WHERE TRUE
  QUALIFY
    FIRST_VALUE(deal.is_deleted AND deal.successor_key IS NOT NULL) OVER (
      PARTITION BY deal.record_key
      ORDER BY
        deal.version_stamp DESC, deal.version_fetched DESC, deal.version_digest DESC,
        deal.pipeline_version DESC, deal.written_at DESC
    )
    AND ROW_NUMBER() OVER (
      PARTITION BY deal.record_key
      ORDER BY
        deal.is_deleted, deal.version_stamp DESC, deal.version_fetched DESC,
        deal.version_digest DESC, deal.pipeline_version DESC, deal.written_at DESC
    ) = 1
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
FROM living AS deal
LEFT JOIN `sales.deal_copies` AS copy ON copy.copy_key = deal.record_key
LEFT JOIN `identity.resolved_keys` AS account_link
  ON account_link.record_key = deal.account_key AND account_link.kind = 'account'
LEFT JOIN `identity.entities_latest` AS account ON account.entity_id = account_link.entity_id
LEFT JOIN `identity.resolved_keys` AS owner_link ON owner_link.record_key = deal.owner_key
LEFT JOIN owners AS owner ON owner.owner_entity_id = owner_link.entity_id
WHERE copy.copy_key IS NULL AND NOT COALESCE(deal.is_closed, FALSE)
