-- What the CRMs say of an account: one row an account entity that has a CRM record and is not
-- ourselves. Times are UTC.
-- Rules: the owner is the one of the newest record that names one; the smaller key where two are of
-- one time. Deals are those of sales.open_deals; open_amount is null where they have several
-- currencies. People are those whose account it is; reachable_people must be none of those that
-- must not be contacted. may_contact is false where all that are known must not be.
WITH owners AS (
  SELECT
    link.entity_id AS account_entity_id,
    account.owner_key,
    ROW_NUMBER() OVER (
      PARTITION BY link.entity_id
      ORDER BY
        account.owner_key IS NULL, account.version_stamp DESC, account.version_fetched DESC,
        account.record_key
    ) AS place
  FROM `sales.accounts_latest` AS account
  JOIN `identity.links_latest` AS link ON link.record_key = account.record_key
  WHERE link.entity_id IS NOT NULL
),
deals AS (
  SELECT
    account_entity_id,
    COUNT(*) AS open_deals,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, SUM(amount), NULL) AS open_amount,
    IF(COUNT(DISTINCT COALESCE(currency, '')) = 1, MAX(currency), NULL) AS currency
  FROM `sales.open_deals`
  WHERE account_entity_id IS NOT NULL
  GROUP BY account_entity_id
),
entities AS (
  SELECT entity_id, kind, display_name, primary_domain, account_entity_id, is_internal, is_shared
  FROM `identity.entities_latest`
),
people AS (
  SELECT
    person.account_entity_id,
    COUNT(*) AS people,
    COUNTIF(NOT COALESCE(consent.do_not_contact, FALSE)) AS reachable_people
  FROM entities AS person
  LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
  WHERE
    person.kind = 'person'
    AND person.account_entity_id IS NOT NULL
    AND NOT person.is_internal
    AND NOT person.is_shared
  GROUP BY person.account_entity_id
)
SELECT
  entity.display_name AS account_name,
  entity.primary_domain AS account_domain,
  owner.display_name AS owner_name,
  COALESCE(deals.open_deals, 0) AS open_deals,
  deals.open_amount,
  deals.currency,
  COALESCE(people.people, 0) AS people,
  COALESCE(people.reachable_people, 0) AS reachable_people,
  people.people IS NULL OR people.reachable_people > 0 AS may_contact,
  entity.entity_id AS account_entity_id,
  owner.entity_id AS owner_entity_id
FROM entities AS entity
JOIN owners ON owners.account_entity_id = entity.entity_id AND owners.place = 1
LEFT JOIN `identity.resolved_keys` AS owner_link ON owner_link.record_key = owners.owner_key
LEFT JOIN entities AS owner ON owner.entity_id = owner_link.entity_id
LEFT JOIN deals ON deals.account_entity_id = entity.entity_id
LEFT JOIN people ON people.account_entity_id = entity.entity_id
WHERE entity.kind = 'account' AND NOT entity.is_internal
