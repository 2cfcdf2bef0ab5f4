-- How dealings with an account go up and down: one row an account and week, the newest week first;
-- by owner: sum over owner_name. Weeks begin on Monday, 00:00 UTC; the newest is not over.
-- Rules: the last 26 weeks, each account from its first week with a dealing on, or all of them
-- where that was longer ago; a week without any has zeros. An account without a dealing in these
-- weeks and the one before is left out. contacts_before are those of the week before, also in the
-- oldest week. What counts is said in sales.account_activity. The owner is the one that the account
-- has today. The Monday is counted from the first day of the calendar, which was one: what
-- DATE_TRUNC takes for a week is not the same in every warehouse.
WITH span AS (
  SELECT
    DATE_SUB(
      CURRENT_DATE('UTC'),
      INTERVAL MOD(DATE_DIFF(CURRENT_DATE('UTC'), DATE '0001-01-01', DAY), 7) DAY
    ) AS this_week
),
dealings AS (
  SELECT account_entity_id, DATE(occurred_at) AS day, is_inbound, is_touch, is_talk
  FROM `sales.account_activity`
  WHERE TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), occurred_at, SECOND) >= 0
),
weekly AS (
  SELECT
    account_entity_id,
    DATE_SUB(day, INTERVAL MOD(DATE_DIFF(day, DATE '0001-01-01', DAY), 7) DAY) AS week,
    COUNT(*) AS contacts,
    COUNTIF(is_inbound) AS inbound,
    COUNTIF(is_touch) AS touches,
    COUNTIF(is_talk) AS talks
  FROM dealings
  GROUP BY account_entity_id, week
),
begun AS (
  SELECT account_entity_id, MIN(week) AS first_week, MAX(week) AS last_week
  FROM weekly
  GROUP BY account_entity_id
),
weeks AS (
  SELECT begun.account_entity_id, week, span.this_week
  FROM begun
  CROSS JOIN span
  CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(
    DATE_SUB(span.this_week, INTERVAL 26 WEEK), span.this_week, INTERVAL 1 WEEK
  )) AS week
  WHERE
    week >= begun.first_week
    AND begun.last_week >= DATE_SUB(span.this_week, INTERVAL 26 WEEK)
),
counted AS (
  SELECT
    weeks.account_entity_id,
    weeks.week,
    weeks.this_week,
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
WHERE weeks.week >= DATE_SUB(weeks.this_week, INTERVAL 25 WEEK)
