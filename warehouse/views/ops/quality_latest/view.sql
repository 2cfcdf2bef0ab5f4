-- What every rule said when it was checked last, and the two numbers that sum them up
-- (rule_id completeness and accuracy, table_id all). Times are UTC.
-- Rules: the newest row of a rule counts. One that has not been checked for two weeks is left out:
-- it is no longer asked. hours_old is the age of the answer, in whole hours.
SELECT
  rule_id,
  table_id,
  measure,
  severity,
  passed,
  value,
  bound,
  rows_checked,
  rows_failed,
  sample,
  message,
  checked_at,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), checked_at, SECOND), 3600) AS hours_old,
  run_id
FROM (
  SELECT *
  FROM `ops.quality`
  WHERE checked_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 14 DAY)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY rule_id ORDER BY checked_at DESC, run_id DESC) = 1
)
