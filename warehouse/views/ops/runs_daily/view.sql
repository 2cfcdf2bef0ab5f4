-- Runs of commands and jobs, by the day on which they began (UTC) and what ran.
-- Rules: a run counts once, by its newest row; once one says how it ended, what workers still note
-- is late. It is lost where that says running and is older than five minutes: a run notes that it
-- is alive every ten seconds, a job of many workers every minute.
-- Counts are what its newest row had; duration_s and longest_s are whole seconds of those that
-- ended, the median and the most.
WITH newest AS (
  SELECT run_id, command, status, started_at, noted_at, changes, skipped, failed
  FROM `ops.runs`
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY status = 'running', noted_at DESC) = 1
),
judged AS (
  SELECT
    DATE(started_at) AS day,
    command,
    started_at,
    changes,
    skipped,
    failed,
    IF(
      status = 'running' AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noted_at, SECOND) > 300,
      'lost',
      status
    ) AS outcome,
    IF(status = 'running', NULL, TIMESTAMP_DIFF(noted_at, started_at, SECOND)) AS seconds
  FROM newest
)
SELECT
  day,
  command,
  COUNT(*) AS runs,
  COUNTIF(outcome = 'succeeded') AS succeeded,
  COUNTIF(outcome = 'failed') AS failed,
  COUNTIF(outcome = 'stopped') AS stopped,
  COUNTIF(outcome = 'lost') AS lost,
  COUNTIF(outcome = 'running') AS running,
  SUM(changes) AS changes,
  SUM(skipped) AS skipped_inputs,
  SUM(failed) AS failed_inputs,
  APPROX_QUANTILES(seconds, 2)[OFFSET(1)] AS duration_s,
  MAX(seconds) AS longest_s,
  MAX(started_at) AS newest_started
FROM judged
GROUP BY day, command
