-- Whom to turn to first: one row an account with a contact in 90 days, or an open deal; the highest
-- score first. Times are UTC; days end now.
-- Rule: score = the five parts, 0 to 100, whole points.
--   recency_points   0 to 25: 25 on the day of the last contact, falling evenly to 0 after 30 days
--   frequency_points 0 to 20: one for each contact in 90 days
--   reply_points     0 to 20: four for each mail, call or message from them in 30 days
--   call_points      0 to 15: five for each meeting or answered call in 30 days
--   deal_points      0 to 20: ten for each open deal
-- why says the same in words. What counts as contact is said in sales.account_activity. An account
-- is left out where every person that we know there must not be contacted.
WITH measured AS (
  SELECT
    account.account_name,
    account.account_domain,
    account.owner_name,
    account.open_deals,
    account.open_amount,
    account.currency,
    account.reachable_people,
    account.account_entity_id,
    account.owner_entity_id,
    engagement.last_contact_at,
    COALESCE(engagement.contacts_90d, 0) AS contacts_90d,
    COALESCE(engagement.inbound_30d, 0) AS inbound_30d,
    COALESCE(engagement.talks_30d, 0) AS talks_30d,
    DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), engagement.last_contact_at, SECOND), 86400) AS days
  FROM `sales.account_summary` AS account
  LEFT JOIN `sales.account_engagement` AS engagement
    ON engagement.account_entity_id = account.account_entity_id
  WHERE account.may_contact
),
scored AS (
  SELECT
    measured.*,
    CAST(ROUND(COALESCE(GREATEST(25 * (30 - days) / 30, 0), 0)) AS INT64) AS recency_points,
    LEAST(contacts_90d, 20) AS frequency_points,
    LEAST(4 * inbound_30d, 20) AS reply_points,
    LEAST(5 * talks_30d, 15) AS call_points,
    LEAST(10 * open_deals, 20) AS deal_points
  FROM measured
  WHERE contacts_90d > 0 OR open_deals > 0
)
SELECT
  account_name,
  recency_points + frequency_points + reply_points + call_points + deal_points AS score,
  CONCAT(
    CASE
      WHEN days IS NULL THEN 'never in contact'
      WHEN days = 0 THEN 'last contact today'
      WHEN days = 1 THEN 'last contact 1 day ago'
      ELSE CONCAT('last contact ', CAST(days AS STRING), ' days ago')
    END,
    '; contacts in 90 days: ', CAST(contacts_90d AS STRING),
    '; from them in 30 days: ', CAST(inbound_30d AS STRING),
    '; talks in 30 days: ', CAST(talks_30d AS STRING),
    '; open deals: ', CAST(open_deals AS STRING)
  ) AS why,
  owner_name,
  recency_points,
  frequency_points,
  reply_points,
  call_points,
  deal_points,
  last_contact_at,
  contacts_90d,
  inbound_30d,
  talks_30d,
  open_deals,
  open_amount,
  currency,
  reachable_people,
  account_domain,
  account_entity_id,
  owner_entity_id
FROM scored
