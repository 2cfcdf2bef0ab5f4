-- What each source said it has against what we held of it then: one row a source, object and day
-- (null: all there were). Days and times are UTC.
-- Rules: the counts are those of the newest night of each object. Held is a record that was made,
-- or first seen, before it was counted, and was not deleted before. It belongs to the day it was
-- made on, a call of Dialpad to that on which it began; of objects whose rows do not say when they
-- were made, held is null by day, or 0 where there are no rows at all. Drafts of Gmail are not
-- counted on either side. difference is held minus there, and percent is the difference in per cent
-- of what is there, null where nothing is: below 0 we lack some; above 0 the source has lost some
-- that nobody told of. What the exclusions keep out is there and not held. Counts with `uncounted`
-- mailboxes are too low.
WITH counts AS (
  SELECT
    source, object_type, created_date, records, uncounted, method, counted_at,
    MAX(counted_at) OVER (PARTITION BY source, object_type) AS newest_counted
  FROM `ops.source_counts`
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY source, object_type, created_date ORDER BY counted_at DESC) = 1
),
counted AS (
  SELECT *
  FROM counts
  WHERE TIMESTAMP_DIFF(newest_counted, counted_at, SECOND) <= 43200
),
asked AS (
  SELECT source, object_type, MAX(newest_counted) AS counted_at
  FROM counted
  GROUP BY source, object_type
),
versions AS (
  SELECT
    source, object_type, record_key, is_deleted, created_at AS made_at, FALSE AS is_draft,
    version_stamp, version_fetched, version_digest, pipeline_version, written_at
  FROM `sales.people`
  UNION ALL
  SELECT
    source, object_type, record_key, is_deleted, created_at, FALSE,
    version_stamp, version_fetched, version_digest, pipeline_version, written_at
  FROM `sales.accounts`
  UNION ALL
  SELECT
    source, object_type, record_key, is_deleted, created_at, FALSE,
    version_stamp, version_fetched, version_digest, pipeline_version, written_at
  FROM `sales.deals`
  UNION ALL
  SELECT
    source, object_type, record_key, is_deleted, IF(source = 'dialpad', occurred_at, NULL),
    is_draft, version_stamp, version_fetched, version_digest, pipeline_version, written_at
  FROM `sales.interactions`
),
records AS (
  SELECT
    version.source,
    version.object_type,
    version.is_deleted,
    version.is_draft,
    version.version_stamp,
    asked.counted_at,
    MAX(version.made_at) OVER (PARTITION BY version.record_key) AS made_at,
    MIN(version.version_stamp) OVER (PARTITION BY version.record_key) AS first_stamp
  FROM versions AS version
  JOIN asked ON asked.source = version.source AND asked.object_type = version.object_type
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY version.record_key
      ORDER BY
        version.version_stamp DESC, version.version_fetched DESC, version.version_digest DESC,
        version.pipeline_version DESC, version.written_at DESC, version.is_deleted
    ) = 1
),
living AS (
  SELECT source, object_type, made_at, DATE(made_at) AS made_date
  FROM records
  WHERE
    NOT is_draft
    AND COALESCE(made_at, first_stamp) <= counted_at
    AND (NOT is_deleted OR version_stamp > counted_at)
),
held AS (
  SELECT source, object_type, NULL AS made_date, COUNT(*) AS records
  FROM living
  GROUP BY source, object_type
  UNION ALL
  SELECT source, object_type, made_date, COUNT(*) AS records
  FROM living
  WHERE made_date IS NOT NULL
  GROUP BY source, object_type, made_date
),
dated AS (
  SELECT source, object_type, LOGICAL_OR(made_date IS NOT NULL) AS is_dated
  FROM living
  GROUP BY source, object_type
),
compared AS (
  SELECT
    counted.source,
    counted.object_type,
    counted.created_date,
    counted.records AS there,
    IF(
      counted.created_date IS NULL OR COALESCE(dated.is_dated, TRUE),
      COALESCE(held.records, 0),
      NULL
    ) AS held,
    counted.uncounted,
    counted.method,
    counted.counted_at
  FROM counted
  LEFT JOIN dated
    ON dated.source = counted.source AND dated.object_type = counted.object_type
  LEFT JOIN held
    ON
      held.source = counted.source
      AND held.object_type = counted.object_type
      AND COALESCE(held.made_date, DATE '1900-01-01')
      = COALESCE(counted.created_date, DATE '1900-01-01')
)
SELECT
  source,
  object_type,
  created_date,
  there,
  held,
  held - there AS difference,
  ROUND(100 * SAFE_DIVIDE(held - there, there), 2) AS percent,
  uncounted,
  method,
  counted_at
FROM compared
