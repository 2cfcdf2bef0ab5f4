-- Where every message of the last 14 days ended, by source: messages = accepted + duplicates + dead
-- letters.
-- Rules: a message belongs to the day on which it was published, and to one day alone: each day adds
-- up by itself, and 14 are twice as many as Pub/Sub keeps a message for. It counts once however often
-- it was written. It is accepted if it is in raw.changes; else a dead letter if it is in
-- ops.dead_letters; else a duplicate. A dead letter of stage write about a derived row does not
-- count, as its message is accepted. A source that could not be read from the message is that of its
-- topic. lost_duplicates are duplicates whose change and attempt are in neither of the other tables,
-- where 42 days are looked through: a first copy is remembered for 28 days at the most.
WITH accepted AS (
  SELECT DISTINCT source, message_id
  FROM `raw.changes`
  WHERE publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
),
dead AS (
  SELECT DISTINCT
    COALESCE(source, REGEXP_EXTRACT(topic, r'^changes-(.+)$'), 'unknown') AS source,
    message_id
  FROM `ops.dead_letters`
  WHERE
    -- A letter is never older than its message, but for the clocks of two machines.
    failed_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 15 DAY)
    AND COALESCE(DATE(publish_time), failed_date) >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
    AND message_id IS NOT NULL
    AND (stage != 'write' OR table_id IN ('raw.changes', 'raw.duplicates'))
),
known AS (
  SELECT change_id, attempt
  FROM `raw.changes`
  WHERE publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 42 DAY)
  UNION DISTINCT
  SELECT change_id, attempt
  FROM `ops.dead_letters`
  WHERE
    failed_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 42 DAY)
    AND change_id IS NOT NULL
),
duplicates AS (
  SELECT
    duplicate.source,
    duplicate.message_id,
    LOGICAL_AND(known.change_id IS NULL) AS is_lost
  FROM `raw.duplicates` AS duplicate
  LEFT JOIN known
    ON known.change_id = duplicate.change_id AND known.attempt = duplicate.attempt
  WHERE duplicate.publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 14 DAY)
  GROUP BY duplicate.source, duplicate.message_id
),
seen AS (
  SELECT source, message_id, 1 AS in_accepted, 0 AS in_dead, 0 AS in_duplicates, 0 AS is_lost
  FROM accepted
  UNION ALL
  SELECT source, message_id, 0, 1, 0, 0
  FROM dead
  UNION ALL
  SELECT source, message_id, 0, 0, 1, IF(is_lost, 1, 0)
  FROM duplicates
),
messages AS (
  SELECT
    source,
    message_id,
    MAX(in_accepted) = 1 AS is_accepted,
    MAX(in_accepted) = 0 AND MAX(in_dead) = 1 AS is_dead,
    MAX(in_accepted) = 0 AND MAX(in_dead) = 0 AS is_duplicate,
    MAX(in_accepted) = 0 AND MAX(in_dead) = 0 AND MAX(is_lost) = 1 AS is_lost
  FROM seen
  GROUP BY source, message_id
)
SELECT
  source,
  COUNT(*) AS messages,
  COUNTIF(is_accepted) AS accepted,
  COUNTIF(is_duplicate) AS duplicates,
  COUNTIF(is_dead) AS dead_letters,
  COUNTIF(is_lost) AS lost_duplicates
FROM messages
GROUP BY source
