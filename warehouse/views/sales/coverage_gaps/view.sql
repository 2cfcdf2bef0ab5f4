-- Important accounts that nobody has touched for seven days; most at stake first. Times are UTC.
-- Rules: important is an account with an open deal, or with four or more dealings in 90 days. A
-- touch is what we did, or did together (sales.account_activity): what only came from them is none,
-- and makes the gap worse. A meeting ahead closes no gap, but is shown. An account is left out
-- where every person that we know there must not be contacted.
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
    engagement.last_touch_at,
    engagement.last_inbound_at,
    engagement.next_meeting_at,
    COALESCE(engagement.contacts_90d, 0) AS contacts_90d,
    DIV(
      TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), engagement.last_touch_at, SECOND), 86400
    ) AS days_untouched,
    COALESCE(
      engagement.last_inbound_at > engagement.last_touch_at,
      engagement.last_inbound_at IS NOT NULL
    ) AS is_waiting
  FROM `sales.account_summary` AS account
  LEFT JOIN `sales.account_engagement` AS engagement
    ON engagement.account_entity_id = account.account_entity_id
  WHERE account.may_contact
)
SELECT
  account_name,
  owner_name,
  CONCAT(
    IF(
      days_untouched IS NULL, 'never touched',
      CONCAT('untouched for ', CAST(days_untouched AS STRING), ' days')
    ),
    IF(is_waiting, '; they wait for an answer', ''),
    '; open deals: ', CAST(open_deals AS STRING),
    '; contacts in 90 days: ', CAST(contacts_90d AS STRING)
  ) AS why,
  days_untouched,
  is_waiting,
  open_deals,
  open_amount,
  currency,
  last_touch_at,
  last_inbound_at,
  next_meeting_at,
  contacts_90d,
  reachable_people,
  account_domain,
  account_entity_id,
  owner_entity_id
FROM measured
WHERE
  (open_deals > 0 OR contacts_90d >= 4)
  AND (days_untouched IS NULL OR days_untouched >= 7)
