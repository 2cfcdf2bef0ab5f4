-- What happened with an account: one row an account entity and event. An event is
-- an interaction or a change of a deal. Times are UTC.
-- Rules: an interaction stands under every account it is with. A deal's version is an event where
-- its name, stage, amount, currency, closing day or outcome differs from the version before; it
-- stands under the account that the deal has now. A deal deleted or merged away at its source is
-- left out. Shown newest first, in an order that is complete (time, kind, event), so that two
-- readings never differ.
WITH versions AS (
  SELECT
    record_key, change_id, version_stamp, version_fetched, version_digest, name, stage, amount,
    currency, is_closed, is_won,
    TO_JSON_STRING(STRUCT(
      name AS name,
      stage AS stage,
      amount AS amount,
      currency AS currency,
      close_date AS close_date,
      is_closed AS is_closed,
      is_won AS is_won
    )) AS content
  FROM `sales.deals`
  WHERE NOT is_deleted
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY record_key, change_id
    ORDER BY version_fetched DESC, pipeline_version DESC, written_at DESC
  ) = 1
),
compared AS (
  SELECT
    versions.*,
    LAG(content) OVER (
      PARTITION BY record_key ORDER BY version_stamp, version_fetched, version_digest
    ) AS content_before
  FROM versions
),
deal_changes AS (
  SELECT
    record_key, change_id, version_stamp, name, amount, currency,
    CONCAT(
      COALESCE(stage, ''),
      CASE WHEN is_won THEN ' (won)' WHEN is_closed THEN ' (closed)' ELSE '' END
    ) AS detail
  FROM compared
  WHERE content_before IS NULL OR content != content_before
),
events AS (
  SELECT
    party_id AS account_entity_id,
    interaction.occurred_at,
    interaction.kind,
    interaction.direction,
    interaction.subject,
    interaction.outcome AS detail,
    CAST(NULL AS FLOAT64) AS amount,
    CAST(NULL AS STRING) AS currency,
    interaction.person_names,
    interaction.person_entity_ids,
    interaction.interaction_id AS event_id
  FROM `sales.communications` AS interaction
  CROSS JOIN UNNEST(interaction.account_entity_ids) AS party_id
  UNION ALL
  SELECT
    account.entity_id AS account_entity_id,
    deal_change.version_stamp AS occurred_at,
    'deal' AS kind,
    CAST(NULL AS STRING) AS direction,
    deal_change.name AS subject,
    deal_change.detail,
    deal_change.amount,
    deal_change.currency,
    ARRAY<STRING>[] AS person_names,
    ARRAY<STRING>[] AS person_entity_ids,
    deal_change.change_id AS event_id
  FROM deal_changes AS deal_change
  JOIN `identity.resolved_keys` AS account ON account.record_key = deal_change.record_key
  WHERE account.kind = 'deal' AND NOT account.is_merged
)
SELECT
  events.occurred_at,
  entity.display_name AS account_name,
  events.kind,
  events.direction,
  events.subject,
  events.detail,
  events.amount,
  events.currency,
  events.person_names,
  entity.primary_domain AS account_domain,
  events.account_entity_id,
  events.person_entity_ids,
  events.event_id
FROM events
LEFT JOIN `identity.entities_latest` AS entity ON entity.entity_id = events.account_entity_id
