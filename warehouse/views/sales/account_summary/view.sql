-- What the CRMs say of an account: one row an account entity that has a CRM record and is not
-- ourselves. Times are UTC.
-- Rules: the owner is that of sales.account_owners. Deals are those of sales.open_deals;
-- open_amount is null where they have several currencies. People, and whether they may be
-- contacted, are those of sales.account_reach; an account that nobody is known of may be.
WITH deals AS (
  SELECT
    account_entity_id,
    COUNT(*) AS open_deals,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, SUM(amount), NULL) AS open_amount,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, MAX(currency), NULL) AS currency
  FROM `sales.open_deals`
  WHERE account_entity_id IS NOT NULL
  GROUP BY account_entity_id
)
SELECT
  entity.display_name AS account_name,
  entity.primary_domain AS account_domain,
  owner.owner_name,
  COALESCE(deals.open_deals, 0) AS open_deals,
  deals.open_amount,
  deals.currency,
  COALESCE(people.people, 0) AS people,
  COALESCE(people.reachable_people, 0) AS reachable_people,
  COALESCE(people.may_contact, TRUE) AS may_contact,
  entity.entity_id AS account_entity_id,
  owner.owner_entity_id
FROM `identity.entities_latest` AS entity
JOIN `sales.account_owners` AS owner ON owner.account_entity_id = entity.entity_id
LEFT JOIN deals ON deals.account_entity_id = entity.entity_id
LEFT JOIN `sales.account_reach` AS people ON people.account_entity_id = entity.entity_id
WHERE entity.kind = 'account' AND NOT entity.is_internal
