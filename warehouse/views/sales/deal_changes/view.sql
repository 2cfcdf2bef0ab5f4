-- What became of a deal: one row a version that says something new, under the account that the deal
-- has now. Times are UTC.
-- Rules: a version says something new where its name, stage, amount, currency, closing day or
-- outcome differs from the version before. A deal that is deleted or merged away at its source is
-- left out, and so is one without an account. detail is the stage, and how it ended.
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
)
SELECT
  compared.version_stamp AS occurred_at,
  compared.name,
  CONCAT(
    COALESCE(compared.stage, ''),
    CASE WHEN compared.is_won THEN ' (won)' WHEN compared.is_closed THEN ' (closed)' ELSE '' END
  ) AS detail,
  compared.amount,
  compared.currency,
  account.entity_id AS account_entity_id,
  compared.record_key,
  compared.change_id
FROM compared
JOIN `identity.resolved_keys` AS account ON account.record_key = compared.record_key
WHERE
  (compared.content_before IS NULL OR compared.content != compared.content_before)
  AND account.kind = 'deal'
  AND NOT account.is_merged
