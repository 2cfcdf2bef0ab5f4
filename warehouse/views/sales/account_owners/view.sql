-- Whose an account is: one row an account entity that has a CRM record; without an owner where none
-- of its records names one that we know. Rules: the owner is the one of the newest record that
-- names one, the record with the smaller key where two are of one time; several records of one user
-- are one owner. Our own company is left out.
WITH records AS (
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
owners AS (
  SELECT entity_id AS owner_entity_id, display_name AS owner_name
  FROM `identity.entities_latest`
)
SELECT
  account.display_name AS account_name,
  owner.owner_name,
  records.account_entity_id,
  owner.owner_entity_id
FROM records
JOIN `identity.entities_latest` AS account ON account.entity_id = records.account_entity_id
LEFT JOIN `identity.resolved_keys` AS link ON link.record_key = records.owner_key
LEFT JOIN owners AS owner ON owner.owner_entity_id = link.entity_id
WHERE records.place = 1 AND NOT account.is_internal
