-- How far behind each source is: one row a source that has sent a change within 14 days, or has
-- been silent for longer. Times are UTC, lags are whole seconds.
-- Rules: only the changes of the last 14 days are read. A source of which none is among them is
-- silent where it was asked before (polled, or counted in a night, 14 to 90 days ago) or has told
-- of what happened within 90 days, imported files aside: nothing newest is known of it, and its
-- lags are 14 days, which is the least that they can be. Of a source that was set up since then,
-- and has sent nothing yet, there is no row. Files have one while they were imported within 14
-- days; that none come is no silence, and nobody who watches counts it as one.
-- A source stamp in the future (a hostile Date header) is not counted as the newest change.
-- source_lag_s is the age of the newest change, write_lag_s that of the newest row, and
-- pipeline_delay_s the longest way from publish to row among live changes written in the last hour
-- (null where there were none). changes are those of the 14 days.
WITH heard AS (
  SELECT
    source,
    MAX(IF(version_stamp <= CURRENT_TIMESTAMP(), version_stamp, NULL)) AS newest_change,
    MAX(publish_time) AS newest_publish,
    MAX(written_at) AS newest_written,
    MAX(IF(
      lane = 'live' AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) <= 3600,
      TIMESTAMP_DIFF(written_at, publish_time, SECOND),
      NULL
    )) AS pipeline_delay_s,
    COUNT(DISTINCT change_id) AS changes
  FROM `raw.changes`
  WHERE publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
  GROUP BY source
),
asked AS (
  SELECT JSON_VALUE(detail, '$.source') AS source
  FROM `ops.runs`
  WHERE
    noted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 90 DAY)
    AND noted_date <= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
    AND command = 'poll'
  UNION DISTINCT
  SELECT source
  FROM `ops.source_counts`
  WHERE
    counted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 90 DAY)
    AND counted_date <= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
  UNION DISTINCT
  SELECT source
  FROM `sales.interactions`
  WHERE event_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 90 DAY) AND source != 'files'
)
SELECT
  source,
  heard.newest_change,
  heard.newest_publish,
  heard.newest_written,
  IF(
    heard.source IS NULL,
    1209600,
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), heard.newest_change, SECOND)
  ) AS source_lag_s,
  COALESCE(
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), heard.newest_publish, SECOND), 1209600
  ) AS publish_lag_s,
  COALESCE(
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), heard.newest_written, SECOND), 1209600
  ) AS write_lag_s,
  heard.pipeline_delay_s,
  COALESCE(heard.changes, 0) AS changes
FROM (
  SELECT source FROM heard
  UNION DISTINCT
  SELECT source FROM asked WHERE source IS NOT NULL
) AS known
LEFT JOIN heard USING (source)
