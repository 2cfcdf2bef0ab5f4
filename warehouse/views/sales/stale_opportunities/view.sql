-- Open deals whose account nobody has been in contact with for 14 days; longest first. Times are
-- UTC.
-- Rules: contact is any dealing in either direction with the account that the deal has now
-- (sales.account_activity); a meeting ahead is none, but is shown. Where there was none, days count
-- from the making of the deal. is_overdue: the closing day has passed (by UTC). A deal without an
-- account has nobody to be in contact with, and is listed however new. must_not_contact marks a
-- deal at an account where every person that we know must not be contacted: close it, or find
-- another.
WITH measured AS (
  SELECT
    deal.*,
    engagement.last_contact_at,
    engagement.next_meeting_at,
    NOT COALESCE(reach.may_contact, TRUE) AS must_not_contact,
    DIV(
      TIMESTAMP_DIFF(
        CURRENT_TIMESTAMP(), COALESCE(engagement.last_contact_at, deal.created_at), SECOND
      ), 86400
    ) AS days_without_contact
  FROM `sales.open_deals` AS deal
  LEFT JOIN `sales.account_engagement` AS engagement
    ON engagement.account_entity_id = deal.account_entity_id
  LEFT JOIN `sales.account_reach` AS reach
    ON reach.account_entity_id = deal.account_entity_id
)
SELECT
  deal_name,
  account_name,
  owner_name,
  CONCAT(
    CASE
      WHEN account_entity_id IS NULL THEN 'no account'
      WHEN last_contact_at IS NULL THEN 'never in contact'
      ELSE CONCAT('last contact ', CAST(days_without_contact AS STRING), ' days ago')
    END,
    IF(COALESCE(close_date < CURRENT_DATE('UTC'), FALSE), '; closing day has passed', ''),
    IF(must_not_contact, '; must not be contacted', '')
  ) AS why,
  stage,
  amount,
  currency,
  days_without_contact,
  last_contact_at,
  next_meeting_at,
  close_date,
  COALESCE(close_date < CURRENT_DATE('UTC'), FALSE) AS is_overdue,
  must_not_contact,
  created_at,
  account_domain,
  account_entity_id,
  owner_entity_id,
  deal_key
FROM measured
WHERE
  account_entity_id IS NULL OR days_without_contact IS NULL OR days_without_contact >= 14
