-- Where a record lives on that its source has merged into another: one row a merged record.
-- A merge of a merge is followed to its end, ten steps at most. A ring of merges has no end: its newest
-- merge says which of them was there last, and that one is what the others, and all that lead into
-- the ring, mean. Whoever refers to the old record (WhoId, AccountId) is read through this view.
WITH RECURSIVE tombstones AS (
  SELECT record_key, successor_key, version_stamp, version_fetched, version_digest
  FROM (SELECT * FROM `sales.people` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
  WHERE is_deleted AND successor_key IS NOT NULL
  UNION ALL
  SELECT record_key, successor_key, version_stamp, version_fetched, version_digest
  FROM (SELECT * FROM `sales.accounts` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
  WHERE is_deleted AND successor_key IS NOT NULL
  UNION ALL
  SELECT record_key, successor_key, version_stamp, version_fetched, version_digest
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
),
rings AS (
  SELECT steps.record_key, newest.successor_key AS survivor_key
  FROM steps
  JOIN steps AS back
    ON back.record_key = steps.record_key AND back.successor_key = steps.record_key
  JOIN tombstones AS newest ON newest.record_key = steps.successor_key
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY steps.record_key
      ORDER BY
        newest.version_stamp DESC, newest.version_fetched DESC, newest.version_digest DESC,
        newest.record_key
    ) = 1
)
SELECT steps.record_key, steps.successor_key AS survivor_key
FROM steps
LEFT JOIN tombstones ON tombstones.record_key = steps.successor_key
WHERE tombstones.record_key IS NULL
UNION ALL
SELECT DISTINCT steps.record_key, rings.survivor_key
FROM steps
JOIN rings ON rings.record_key = steps.successor_key
WHERE steps.record_key != rings.survivor_key
