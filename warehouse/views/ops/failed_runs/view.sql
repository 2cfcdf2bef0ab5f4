-- Runs of commands and jobs that did not succeed, one row a run, each with what it said. Times are UTC.
-- Rules: those that have noted anything within 14 days, for one notes every ten seconds that it is
-- alive, and more than a year of that is kept. A run counts once, by its newest row; once one says
-- how it ended, what workers still note is late. One that says running and has noted nothing for
-- five minutes is lost, as in ops.runs_daily. One that was stopped by hand, or refused because of a
-- setting or an option (ConfigurationError), is here, too.
-- is_settled: the same command has begun later, for the same source, and succeeded. error_message is
-- the kind of error, and never quotes a row; detail has the parameters, the source among them.
WITH newest AS (
  SELECT
    run_id, command, status, started_at, noted_at, changes, skipped, failed, error_message, detail,
    MAX(IF(status = 'succeeded', started_at, NULL))
      OVER (PARTITION BY command, JSON_VALUE(detail, '$.source')) AS newest_success
  FROM `ops.runs`
  WHERE noted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY status = 'running', noted_at DESC) = 1
),
judged AS (
  SELECT
    run_id,
    command,
    IF(
      status = 'running' AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noted_at, SECOND) > 300,
      'lost',
      status
    ) AS outcome,
    COALESCE(newest_success > started_at, FALSE) AS is_settled,
    error_message,
    detail,
    changes,
    skipped AS skipped_inputs,
    failed AS failed_inputs,
    started_at,
    noted_at
  FROM newest
)
SELECT
  run_id, command, outcome, is_settled, error_message, detail, changes, skipped_inputs,
  failed_inputs, started_at, noted_at
FROM judged
WHERE outcome IN ('failed', 'lost', 'stopped')
