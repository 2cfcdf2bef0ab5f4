-- How fast each of us answers: one row an owner, over what was asked in the last 90 days; the
-- slowest first. Times are UTC; what a turn and its owner are is said in sales.response_times.
-- Rules: the median is that of what was answered, the mean of the two in the middle. within_a_day
-- is the share, of all that was asked more than a day ago, that was answered within 24 hours.
-- waiting is what has waited for more than a day; who must not be contacted does not wait. A row
-- without a name is what went to shared mailboxes and waits there.
WITH turns AS (
  SELECT
    owner_entity_id, owner_name, asked_at, response_hours, is_answered, waiting_hours,
    do_not_contact,
    ROW_NUMBER() OVER (
      PARTITION BY owner_entity_id, is_answered ORDER BY response_hours, interaction_id
    ) AS place,
    COUNT(*) OVER (PARTITION BY owner_entity_id, is_answered) AS places
  FROM `sales.response_times`
)
SELECT
  MAX(owner_name) AS owner_name,
  AVG(
    IF(is_answered AND place BETWEEN places / 2 AND places / 2 + 1, response_hours, NULL)
  ) AS median_hours,
  SAFE_DIVIDE(
    COUNTIF(response_hours <= 24 AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), asked_at, SECOND) > 86400),
    COUNTIF(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), asked_at, SECOND) > 86400)
  ) AS within_a_day,
  COUNT(*) AS asked,
  COUNTIF(is_answered) AS answered,
  COUNTIF(waiting_hours > 24 AND NOT do_not_contact) AS waiting,
  MIN(IF(waiting_hours > 24 AND NOT do_not_contact, asked_at, NULL)) AS waiting_since,
  owner_entity_id
FROM turns
GROUP BY owner_entity_id
