-- Sudden interest: accounts from which more came this week than is usual for them, the most
-- surprising first. Times are UTC; this week is the last 168 hours.
-- Rule: interest is what comes from them (mails, calls, messages) and what we do together
-- (meetings, answered calls). usual_per_week is the mean of the eight weeks before. surprise =
-- (this week - usual) / the root of (usual + 1): about how many standard deviations above the
-- usual, if interest comes by chance. Hot is a surprise of 2 or more, of at least 3 in the week. An
-- account is left out where every person that we know there must not be contacted.
WITH compared AS (
  SELECT
    account_entity_id,
    last_inbound_at,
    last_touch_at,
    interest_this_week,
    interest_8_weeks_before / 8 AS usual_per_week
  FROM `sales.account_engagement`
  WHERE interest_this_week >= 3
)
SELECT
  account.account_name,
  CONCAT(
    CAST(compared.interest_this_week AS STRING), ' this week, where ',
    FORMAT('%.1f', compared.usual_per_week), ' a week is usual',
    IF(
      compared.last_touch_at IS NULL OR compared.last_inbound_at > compared.last_touch_at,
      '; they wait for an answer', ''
    )
  ) AS why,
  ROUND(
    (compared.interest_this_week - compared.usual_per_week) / SQRT(compared.usual_per_week + 1), 2
  ) AS surprise,
  compared.interest_this_week,
  compared.usual_per_week,
  account.owner_name,
  account.open_deals,
  account.open_amount,
  account.currency,
  account.reachable_people,
  compared.last_inbound_at,
  compared.last_touch_at,
  account.account_domain,
  account.account_entity_id,
  account.owner_entity_id
FROM compared
JOIN `sales.account_summary` AS account
  ON account.account_entity_id = compared.account_entity_id
WHERE
  account.may_contact
  AND compared.interest_this_week - compared.usual_per_week
  >= 2 * SQRT(compared.usual_per_week + 1)
