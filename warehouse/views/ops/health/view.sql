-- Is everything well: one row a check, with the figure, its threshold and what to do. A check is
-- ok while value <= threshold. Times are UTC.
-- Rules: delay, silence and account are those of the last 14 days, and a longer silence is told as
-- 14 days; so is the share of letters: of what failed within 14 days, what is open, by the messages
-- of these days. Silence of a source counts after three days (a long weekend is no outage), of
-- imported files never. A letter is open as ops.dead_letters_summary has it. A run that failed
-- counts until the same command succeeds for the same source; one that was refused because of a
-- setting or an option (ConfigurationError), or stopped by hand, does not. What is lost, and until
-- when, is as in ops.failed_runs, of 14 days too. A record is unlinked when its newest row is older
-- than ten minutes and no entity has it. A field that vanished at its source, or changed its type,
-- counts for a day: what it filled may be empty from now on.
WITH measured AS (
  SELECT
    1 AS place,
    'pipeline_delay_s' AS name,
    CAST(COALESCE(MAX(pipeline_delay_s), 0) AS FLOAT64) AS value,
    300.0 AS threshold,
    'Rows come late. See the logs of the pipeline and the backlog: salesintel status' AS action
  FROM `ops.freshness`
  UNION ALL
  SELECT
    2,
    'source_silence_s',
    CAST(COALESCE(MAX(publish_lag_s), 0) AS FLOAT64),
    259200.0,
    'A source has sent nothing for days. See which: salesintel query ops.freshness'
  FROM `ops.freshness`
  WHERE source != 'files'
  UNION ALL
  SELECT
    3,
    'open_dead_letter_share',
    COALESCE(SAFE_DIVIDE(
      (SELECT SUM(recent_open_letters) FROM `ops.dead_letters_summary`),
      (SELECT SUM(messages) FROM `ops.accounting`)
    ), 0.0),
    0.01,
    'More than 1 % failed. See why: salesintel query ops.dead_letters_summary; mend, then replay'
  UNION ALL
  SELECT
    4,
    'open_retriable_letters',
    CAST(COALESCE(SUM(retriable_letters), 0) AS FLOAT64),
    0.0,
    'A replay can help these now: salesintel replay'
  FROM `ops.dead_letters_summary`
  UNION ALL
  SELECT
    5,
    'lost_duplicates',
    CAST(COALESCE(SUM(lost_duplicates), 0) AS FLOAT64),
    0.0,
    'Duplicates without their first copy: seek the subscription back, or publish the changes again'
  FROM `ops.accounting`
  UNION ALL
  SELECT
    6,
    'failed_runs_last_day',
    CAST(COUNTIF(
      outcome = 'failed'
      AND COALESCE(error_message, '') != 'ConfigurationError'
      AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noted_at, SECOND) <= 86400
      AND NOT is_settled
    ) AS FLOAT64),
    0.0,
    'A command or job failed. See why: salesintel query ops.failed_runs; then run it again'
  FROM `ops.failed_runs`
  UNION ALL
  SELECT
    7,
    'lost_runs',
    CAST(COUNTIF(outcome = 'lost' AND NOT is_settled) AS FLOAT64),
    0.0,
    'A run began and has gone silent. See ops.failed_runs; start it again if it is gone'
  FROM `ops.failed_runs`
  UNION ALL
  SELECT
    8,
    'unlinked_records',
    CAST(COUNTIF(
      link.record_key IS NULL
      AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), record.written_at, SECOND) > 600
    ) AS FLOAT64),
    0.0,
    'People or accounts without an entity: the resolver is behind or has failed. See its logs'
  FROM (
    SELECT record_key, written_at FROM `sales.people_latest`
    UNION ALL
    SELECT record_key, written_at FROM `sales.accounts_latest`
  ) AS record
  LEFT JOIN `identity.links_latest` AS link ON link.record_key = record.record_key
  UNION ALL
  SELECT
    9,
    'lost_fields_last_day',
    CAST(COUNTIF(
      event != 'added' AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noticed_at, SECOND) <= 86400
    ) AS FLOAT64),
    0.0,
    'A source has lost a field, or changed its type. See which in ops.schema_changes; mend settings'
  FROM `ops.schema_changes`
)
SELECT name, value <= threshold AS ok, value, threshold, action
FROM measured
ORDER BY value <= threshold, place
