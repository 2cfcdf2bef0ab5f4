-- Where a record lives on that its source has merged into another: one row a merged record.
-- A merge of a merge is followed to its end, ten steps at most; a ring of merges has no end and is
-- left out. Whoever refers to the old record (WhoId, AccountId) is read through this view.
WITH RECURSIVE tombstones AS (
  SELECT record_key, successor_key
  FROM (SELECT * FROM `sales.people` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
  WHERE is_deleted AND successor_key IS NOT NULL
  UNION ALL
  SELECT record_key, successor_key
  FROM (SELECT * FROM `sales.accounts` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
  WHERE is_deleted AND successor_key IS NOT NULL
  UNION ALL
  SELECT record_key, successor_key
  FROM (SELECT * FROM `sales.deals` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
  WHERE is_deleted AND successor_key IS NOT NULL
),
steps AS (
  SELECT record_key, successor_key, 1 AS step
  FROM tombstones
  UNION ALL
  SELECT steps.record_key, tombstones.successor_key, steps.step + 1
  FROM steps
  JOIN tombstones ON tombstones.record_key = steps.successor_key
  WHERE steps.step < 10
)
SELECT steps.record_key, steps.successor_key AS survivor_key
FROM steps
LEFT JOIN tombstones ON tombstones.record_key = steps.successor_key
WHERE tombstones.record_key IS NULL
