-- Deals that are held twice, as by two CRMs: one row a copy, with the deal that it is the copy of.
-- Rules: a deal that says of another living one that it is the same is its copy; a copy of a copy is
-- that of the last one, twenty steps at most. Of several that it names, one that names none itself
-- comes first, then the least key. Where they name each other in a ring, all but the least key are
-- copies of that one. Whether a deal is closed plays no part.
WITH RECURSIVE living AS (
  SELECT record_key, linked_keys FROM `sales.deals_latest`
),
pairs AS (
  SELECT
    deal.record_key,
    original.record_key AS original_key,
    ARRAY_LENGTH(original.linked_keys) > 0 AS names_others
  FROM living AS deal
  CROSS JOIN UNNEST(deal.linked_keys) AS linked_key
  JOIN living AS original ON original.record_key = linked_key
  WHERE linked_key != deal.record_key
),
originals AS (
  SELECT record_key, original_key
  FROM pairs
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY names_others, original_key) = 1
),
steps AS (
  SELECT record_key, original_key, 1 AS step
  FROM originals
  UNION ALL
  SELECT steps.record_key, originals.original_key, steps.step + 1
  FROM steps
  JOIN originals ON originals.record_key = steps.original_key
  WHERE steps.original_key != steps.record_key AND steps.step < 20
),
rings AS (
  SELECT record_key, MIN(original_key) AS least_key
  FROM steps
  GROUP BY record_key
  HAVING LOGICAL_OR(original_key = record_key)
)
SELECT steps.record_key AS copy_key, steps.original_key
FROM steps
LEFT JOIN originals ON originals.record_key = steps.original_key
WHERE originals.record_key IS NULL
UNION ALL
SELECT DISTINCT steps.record_key, rings.least_key
FROM steps
JOIN rings ON rings.record_key = steps.original_key
WHERE steps.record_key != rings.least_key
