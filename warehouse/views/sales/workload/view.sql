-- What each of us has in hand: one row a person of ours who owns or does anything; most open deals
-- first. Times are UTC; a week is the last 168 hours.
-- Rules: what was done is that of sales.owner_activity. Accounts and open deals are those that the
-- person owns; open_amount is null where the deals have several currencies. waiting is what others
-- wait for: mails to the person unanswered for more than a day, of the last 90 days, without those
-- of people who must not be contacted.
WITH activity AS (
  SELECT
    owner_entity_id,
    COUNTIF(age_s BETWEEN 0 AND 604800) AS contacts_7d,
    COUNTIF(kind = 'email' AND direction != 'inbound' AND age_s BETWEEN 0 AND 604800) AS mails_7d,
    COUNTIF(kind = 'call' AND age_s BETWEEN 0 AND 604800) AS calls_7d,
    COUNTIF(kind = 'meeting' AND age_s BETWEEN 0 AND 604800) AS meetings_7d,
    COUNTIF(kind = 'meeting' AND age_s BETWEEN -604800 AND -1) AS meetings_next_7d,
    COUNTIF(age_s BETWEEN 0 AND 2419200) / 4 AS contacts_per_week,
    MAX(IF(age_s >= 0, occurred_at, NULL)) AS last_contact_at
  FROM (
    SELECT
      owner_entity_id, kind, direction, occurred_at,
      TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), occurred_at, SECOND) AS age_s
    FROM `sales.owner_activity`
  )
  GROUP BY owner_entity_id
),
accounts AS (
  SELECT owner_entity_id, COUNT(*) AS accounts
  FROM `sales.account_owners`
  WHERE owner_entity_id IS NOT NULL
  GROUP BY owner_entity_id
),
deals AS (
  SELECT
    owner_entity_id,
    COUNT(*) AS open_deals,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, SUM(amount), NULL) AS open_amount,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, MAX(currency), NULL) AS currency
  FROM `sales.open_deals`
  WHERE owner_entity_id IS NOT NULL
  GROUP BY owner_entity_id
),
waiting AS (
  SELECT owner_entity_id, COUNT(*) AS waiting
  FROM `sales.response_times`
  WHERE waiting_hours > 24 AND NOT do_not_contact AND owner_entity_id IS NOT NULL
  GROUP BY owner_entity_id
)
SELECT
  entity.display_name AS owner_name,
  COALESCE(accounts.accounts, 0) AS accounts,
  COALESCE(deals.open_deals, 0) AS open_deals,
  deals.open_amount,
  deals.currency,
  COALESCE(waiting.waiting, 0) AS waiting,
  COALESCE(activity.contacts_7d, 0) AS contacts_7d,
  COALESCE(activity.mails_7d, 0) AS mails_7d,
  COALESCE(activity.calls_7d, 0) AS calls_7d,
  COALESCE(activity.meetings_7d, 0) AS meetings_7d,
  COALESCE(activity.meetings_next_7d, 0) AS meetings_next_7d,
  COALESCE(activity.contacts_per_week, 0) AS contacts_per_week,
  activity.last_contact_at,
  entity.entity_id AS owner_entity_id
FROM `identity.entities_latest` AS entity
LEFT JOIN activity ON activity.owner_entity_id = entity.entity_id
LEFT JOIN accounts ON accounts.owner_entity_id = entity.entity_id
LEFT JOIN deals ON deals.owner_entity_id = entity.entity_id
LEFT JOIN waiting ON waiting.owner_entity_id = entity.entity_id
WHERE
  entity.kind = 'person'
  AND COALESCE(
    activity.owner_entity_id, accounts.owner_entity_id, deals.owner_entity_id,
    waiting.owner_entity_id
  ) IS NOT NULL
