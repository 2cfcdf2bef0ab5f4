-- What could not be processed, by stage, kind of error and source. Times are UTC.
-- Rules: a dead letter written twice counts once (dead_letter_id, the newest row). It is open until
-- its change is accepted under a higher attempt, which ops.replays tells; one without a change id
-- stays open. recent_open_letters are the open ones of the last 14 days. One of stage import is an
-- input that no reader could take, and has no change. Where it came from a file, object_id says
-- which (a hash), and an import that read this file, began later and succeeded settles it: what
-- that one could not read either is a new letter. What a webhook, poll or backfill could not read
-- names no file, and stays open. The sample is the newest open one, else the newest; its payload is
-- never shown here.
WITH letters AS (
  SELECT
    dead_letter_id, failed_at, failed_date, stage, error_type, error_message, object_id, change_id,
    attempt, retriable,
    COALESCE(source, REGEXP_EXTRACT(topic, r'^changes-(.+)$'), 'unknown') AS source
  FROM `ops.dead_letters`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY dead_letter_id ORDER BY failed_at DESC) = 1
),
accepted AS (
  SELECT change_id, MAX(attempt) AS attempt
  FROM `ops.replays`
  GROUP BY change_id
),
imports AS (
  SELECT file_id, MAX(run.started_at) AS newest
  FROM `ops.runs` AS run
  CROSS JOIN UNNEST(JSON_VALUE_ARRAY(run.detail, '$.read')) AS file_id
  WHERE run.command = 'import' AND run.status = 'succeeded'
  GROUP BY file_id
),
judged AS (
  SELECT
    letters.*,
    IF(
      letters.stage = 'import',
      COALESCE(imports.newest > letters.failed_at, FALSE),
      COALESCE(accepted.attempt > letters.attempt, FALSE)
    ) AS is_settled
  FROM letters
  LEFT JOIN imports ON imports.file_id = letters.object_id
  LEFT JOIN accepted ON accepted.change_id = letters.change_id
),
placed AS (
  SELECT
    judged.*,
    ROW_NUMBER() OVER (
      PARTITION BY stage, error_type, source
      ORDER BY is_settled, failed_at DESC, dead_letter_id
    ) AS place
  FROM judged
)
SELECT
  stage,
  error_type,
  source,
  COUNT(*) AS letters,
  COUNTIF(NOT is_settled) AS open_letters,
  COUNTIF(
    NOT is_settled AND failed_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
  ) AS recent_open_letters,
  COUNTIF(retriable AND NOT is_settled) AS retriable_letters,
  LOGICAL_OR(retriable AND NOT is_settled) AS retriable,
  MIN(failed_at) AS first_failed,
  MAX(failed_at) AS newest_failed,
  MAX(IF(place = 1, error_message, NULL)) AS sample_message,
  MAX(IF(place = 1, dead_letter_id, NULL)) AS sample_id
FROM placed
GROUP BY stage, error_type, source
