-- How dealings with an account go up and down: one row an account and week, the newest week first;
-- by owner: sum over owner_name. Weeks begin on Monday, 00:00 UTC; the newest is not over.
-- Rules: the last 26 weeks, each account from its first week with a dealing on; a week without any
-- has zeros. contacts_before are those of the week before, also in the oldest week. What counts is
-- said in sales.account_activity. The owner is the one that the account has today.
WITH weekly AS (
  SELECT
    account_entity_id,
    DATE_TRUNC(DATE(occurred_at), WEEK(MONDAY)) AS week,
    COUNT(*) AS contacts,
    COUNTIF(is_inbound) AS inbound,
    COUNTIF(is_touch) AS touches,
    COUNTIF(is_talk) AS talks
  FROM `sales.account_activity`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), occurred_at, SECOND) >= 0
    AND DATE(occurred_at)
    >= DATE_SUB(DATE_TRUNC(CURRENT_DATE('UTC'), WEEK(MONDAY)), INTERVAL 26 WEEK)
  GROUP BY account_entity_id, week
),
begun AS (
  SELECT account_entity_id, MIN(week) AS first_week
  FROM weekly
  GROUP BY account_entity_id
),
weeks AS (
  SELECT begun.account_entity_id, week
  FROM begun
  CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(
    DATE_SUB(DATE_TRUNC(CURRENT_DATE('UTC'), WEEK(MONDAY)), INTERVAL 26 WEEK),
    DATE_TRUNC(CURRENT_DATE('UTC'), WEEK(MONDAY)),
    INTERVAL 1 WEEK
  )) AS week
  WHERE week >= begun.first_week
),
counted AS (
  SELECT
    weeks.account_entity_id,
    weeks.week,
    COALESCE(weekly.contacts, 0) AS contacts,
    COALESCE(LAG(weekly.contacts) OVER (
      PARTITION BY weeks.account_entity_id ORDER BY weeks.week
    ), 0) AS contacts_before,
    COALESCE(weekly.inbound, 0) AS inbound,
    COALESCE(weekly.touches, 0) AS touches,
    COALESCE(weekly.talks, 0) AS talks
  FROM weeks
  LEFT JOIN weekly
    ON weekly.account_entity_id = weeks.account_entity_id AND weekly.week = weeks.week
)
SELECT
  weeks.week,
  account.account_name,
  account.owner_name,
  weeks.contacts,
  weeks.contacts_before,
  weeks.inbound,
  weeks.touches,
  weeks.talks,
  weeks.account_entity_id,
  account.owner_entity_id
FROM counted AS weeks
JOIN `sales.account_owners` AS account ON account.account_entity_id = weeks.account_entity_id
WHERE weeks.week >= DATE_SUB(DATE_TRUNC(CURRENT_DATE('UTC'), WEEK(MONDAY)), INTERVAL 25 WEEK)
