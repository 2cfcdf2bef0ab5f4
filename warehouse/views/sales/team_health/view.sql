-- How the team does: one row a measure, this week against the usual; what is worse comes first.
-- Times are UTC; this week is the last 168 hours, usual is the mean of the four weeks before.
-- Rules: dealings are those of sales.account_activity, each once however many accounts it is with;
-- answers are those of sales.response_times. Shares go from 0 to 1. Accounts with open deals are
-- those of today. A median is of what was asked in the time and is answered; within a day counts
-- what was asked more than a day ago. A measure is worse where it is off by a fifth or more of the
-- usual, in the wrong direction; without a usual it is not.
WITH dealings AS (
  SELECT
    activity.interaction_id,
    activity.account_entity_id,
    activity.is_inbound,
    activity.is_touch,
    activity.is_talk,
    DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), activity.occurred_at, SECOND), 604800) AS week
  FROM `sales.account_activity` AS activity
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), activity.occurred_at, SECOND) BETWEEN 0 AND 3023999
),
deals AS (
  SELECT DISTINCT account_entity_id
  FROM `sales.open_deals`
  WHERE account_entity_id IS NOT NULL
),
weekly AS (
  SELECT
    week,
    COUNT(DISTINCT IF(is_touch, interaction_id, NULL)) AS touches,
    COUNT(DISTINCT IF(is_inbound, interaction_id, NULL)) AS inbound,
    COUNT(DISTINCT IF(is_talk, interaction_id, NULL)) AS talks,
    COUNT(DISTINCT IF(is_touch, dealings.account_entity_id, NULL)) AS accounts_touched,
    COUNT(DISTINCT IF(is_touch, deals.account_entity_id, NULL)) AS deal_accounts_touched
  FROM dealings
  LEFT JOIN deals ON deals.account_entity_id = dealings.account_entity_id
  GROUP BY week
),
turns AS (
  SELECT
    is_this_week, is_answered, response_hours, age_s,
    ROW_NUMBER() OVER (
      PARTITION BY is_this_week, is_answered ORDER BY response_hours, interaction_id
    ) AS place,
    COUNT(*) OVER (PARTITION BY is_this_week, is_answered) AS places
  FROM (
    SELECT
      interaction_id, is_answered, response_hours,
      TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), asked_at, SECOND) AS age_s,
      TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), asked_at, SECOND) < 604800 AS is_this_week
    FROM `sales.response_times`
    WHERE NOT do_not_contact
  )
  WHERE age_s < 3024000
),
answers AS (
  SELECT
    is_this_week,
    AVG(
      IF(is_answered AND place BETWEEN places / 2 AND places / 2 + 1, response_hours, NULL)
    ) AS median_hours,
    SAFE_DIVIDE(
      COUNTIF(response_hours <= 24 AND age_s > 86400), COUNTIF(age_s > 86400)
    ) AS within_a_day
  FROM turns
  GROUP BY is_this_week
),
measured AS (
  SELECT
    1 AS place, 'touches' AS measure, TRUE AS more_is_better,
    CAST(COALESCE(SUM(IF(week = 0, touches, 0)), 0) AS FLOAT64) AS this_week,
    COALESCE(SUM(IF(week > 0, touches, 0)), 0) / 4 AS usual,
    'What we did: mails, calls and messages out, meetings, answered calls' AS meaning
  FROM weekly
  UNION ALL
  SELECT
    2, 'accounts_touched', TRUE,
    CAST(COALESCE(SUM(IF(week = 0, accounts_touched, 0)), 0) AS FLOAT64),
    COALESCE(SUM(IF(week > 0, accounts_touched, 0)), 0) / 4,
    'Accounts with which we did anything. Which not: salesintel query sales.coverage_gaps'
  FROM weekly
  UNION ALL
  SELECT
    3, 'deal_accounts_touched_share', TRUE,
    SAFE_DIVIDE(SUM(IF(week = 0, deal_accounts_touched, 0)), (SELECT COUNT(*) FROM deals)),
    SAFE_DIVIDE(SUM(IF(week > 0, deal_accounts_touched, 0)) / 4, (SELECT COUNT(*) FROM deals)),
    'Of the accounts with open deals, those touched: salesintel query sales.stale_opportunities'
  FROM weekly
  UNION ALL
  SELECT
    4, 'inbound', TRUE, CAST(COALESCE(SUM(IF(week = 0, inbound, 0)), 0) AS FLOAT64),
    COALESCE(SUM(IF(week > 0, inbound, 0)), 0) / 4,
    'Mails, calls and messages from them. Who more than usual: salesintel query sales.hot_accounts'
  FROM weekly
  UNION ALL
  SELECT
    5, 'talks', TRUE, CAST(COALESCE(SUM(IF(week = 0, talks, 0)), 0) AS FLOAT64),
    COALESCE(SUM(IF(week > 0, talks, 0)), 0) / 4,
    'Meetings and answered calls'
  FROM weekly
  UNION ALL
  SELECT
    6, 'median_response_hours', FALSE,
    MAX(IF(is_this_week, median_hours, NULL)), MAX(IF(is_this_week, NULL, median_hours)),
    'Hours to our first answer: salesintel query sales.response_times_by_owner'
  FROM answers
  UNION ALL
  SELECT
    7, 'answered_within_a_day_share', TRUE,
    MAX(IF(is_this_week, within_a_day, NULL)), MAX(IF(is_this_week, NULL, within_a_day)),
    'Of the mails from outside, those answered in 24 hours: salesintel query sales.response_times'
  FROM answers
)
SELECT
  measure,
  this_week,
  usual,
  SAFE_DIVIDE(this_week - usual, usual) AS change,
  COALESCE(
    IF(more_is_better, this_week <= 0.8 * usual, this_week >= 1.2 * usual) AND usual > 0, FALSE
  ) AS is_worse,
  meaning,
  place
FROM measured
