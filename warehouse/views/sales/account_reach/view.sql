-- Whether an account may be turned to: one row an account entity that people belong to.
-- Rules: people are persons on the other side, no shared mailboxes, whose account it is by
-- identity.entities. reachable_people are those that need not be left alone (sales.consent: do not
-- contact). may_contact is false where nobody is left.
SELECT
  person.account_entity_id,
  COUNT(*) AS people,
  COUNTIF(NOT COALESCE(consent.do_not_contact, FALSE)) AS reachable_people,
  LOGICAL_OR(NOT COALESCE(consent.do_not_contact, FALSE)) AS may_contact
FROM `identity.entities_latest` AS person
LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
WHERE
  person.kind = 'person'
  AND person.account_entity_id IS NOT NULL
  AND NOT person.is_internal
  AND NOT person.is_shared
GROUP BY person.account_entity_id
