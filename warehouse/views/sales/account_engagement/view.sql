-- How much goes on with an account: one row an account entity that we have dealt with, or are about
-- to. What counts is said in sales.account_activity; times are UTC.
-- Rules: days and weeks end now, so that a week is the last 168 hours. contacts are all dealings
-- that have happened; inbound came from them, talks are meetings and answered calls.
-- next_meeting_at is the next meeting alone, whatever else is dated ahead. The figures of earlier
-- weeks are those of the eight weeks before this one.
SELECT
  account_entity_id,
  MAX(IF(age_s >= 0, occurred_at, NULL)) AS last_contact_at,
  MAX(IF(age_s >= 0 AND is_inbound, occurred_at, NULL)) AS last_inbound_at,
  MAX(IF(age_s >= 0 AND is_touch, occurred_at, NULL)) AS last_touch_at,
  MIN(IF(age_s < 0 AND kind = 'meeting', occurred_at, NULL)) AS next_meeting_at,
  COUNTIF(age_s BETWEEN 0 AND 7776000) AS contacts_90d,
  COUNTIF(is_inbound AND age_s BETWEEN 0 AND 2592000) AS inbound_30d,
  COUNTIF(is_talk AND age_s BETWEEN 0 AND 2592000) AS talks_30d,
  COUNTIF((is_inbound OR is_talk) AND age_s BETWEEN 0 AND 604800) AS interest_this_week,
  COUNTIF((is_inbound OR is_talk) AND age_s > 604800 AND age_s <= 5443200)
    AS interest_8_weeks_before
FROM (
  SELECT
    account_entity_id, occurred_at, kind, is_inbound, is_touch, is_talk,
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), occurred_at, SECOND) AS age_s
  FROM `sales.account_activity`
)
GROUP BY account_entity_id
