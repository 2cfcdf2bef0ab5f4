-- Which accounts an interaction is with: one row an interaction and account entity.
-- Rules: those that a CRM names come first, then those of the deals it names, then those of the
-- people on the other side, more people first; ties go to the smaller id. place counts from 1.
SELECT
  interaction_id,
  account_entity_id,
  MIN(account_name) AS account_name,
  MIN(account_domain) AS account_domain,
  ROW_NUMBER() OVER (
    PARTITION BY interaction_id
    ORDER BY
      MIN(CASE role WHEN 'account' THEN 1 WHEN 'deal' THEN 2 ELSE 3 END),
      COUNTIF(role NOT IN ('account', 'deal')) DESC,
      account_entity_id
  ) AS place
FROM `sales.interaction_parties`
WHERE NOT is_internal AND account_entity_id IS NOT NULL
GROUP BY interaction_id, account_entity_id
