-- What became of a deal: one row a version that says something new, under the account that the deal
-- has now. Times are UTC.
-- Rules: a version says something new where its name, stage, amount, currency, closing day or
-- outcome differs from the version before. A deal that is deleted or merged away at its source is
-- left out, and so is one without an account. A deal that two CRMs hold is told once: a copy
-- (sales.deal_copies) is left out where its original stands under the same account. detail is the
-- stage, and how it ended.
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
accounts AS (
  SELECT record_key, entity_id
  FROM `identity.resolved_keys`
  WHERE kind = 'deal' AND NOT is_merged
),
told_elsewhere AS (
  SELECT copy.copy_key, original.entity_id
  FROM `sales.deal_copies` AS copy
  JOIN accounts AS original ON original.record_key = copy.original_key
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
JOIN accounts AS account ON account.record_key = compared.record_key
LEFT JOIN told_elsewhere
  ON
    told_elsewhere.copy_key = compared.record_key
    AND told_elsewhere.entity_id = account.entity_id
WHERE
  (compared.content_before IS NULL OR compared.content != compared.content_before)
  AND told_elsewhere.copy_key IS NULL
