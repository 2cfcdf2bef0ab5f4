-- How far behind each source is: one row a source that has ever sent a change. Times are UTC,
-- lags are whole seconds.
-- Rules: a source stamp in the future (a hostile Date header) is not counted as the newest change.
-- source_lag_s is the age of the newest change, write_lag_s that of the newest row, and
-- pipeline_delay_s the longest way from publish to row among live changes written in the last hour
-- (null where there were none).
SELECT
  source,
  MAX(IF(version_stamp <= CURRENT_TIMESTAMP(), version_stamp, NULL)) AS newest_change,
  MAX(publish_time) AS newest_publish,
  MAX(written_at) AS newest_written,
  TIMESTAMP_DIFF(
    CURRENT_TIMESTAMP(),
    MAX(IF(version_stamp <= CURRENT_TIMESTAMP(), version_stamp, NULL)),
    SECOND
  ) AS source_lag_s,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(publish_time), SECOND) AS publish_lag_s,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(written_at), SECOND) AS write_lag_s,
  MAX(IF(
    lane = 'live' AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) <= 3600,
    TIMESTAMP_DIFF(written_at, publish_time, SECOND),
    NULL
  )) AS pipeline_delay_s,
  COUNT(DISTINCT change_id) AS changes
FROM `raw.changes`
GROUP BY source
