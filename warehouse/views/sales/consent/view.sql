-- What a person may not be sent or asked: one row a person entity with a CRM record.
-- Rule: a restriction on any one of the person's records binds all of them; a record that says
-- nothing restricts nothing.
SELECT
  link.entity_id,
  LOGICAL_OR(COALESCE(person.do_not_contact, FALSE)) AS do_not_contact,
  LOGICAL_OR(COALESCE(person.email_opt_out, FALSE)) AS email_opt_out,
  LOGICAL_OR(COALESCE(person.do_not_call, FALSE)) AS do_not_call
FROM `sales.people_latest` AS person
JOIN `identity.links_latest` AS link ON link.record_key = person.record_key
WHERE link.entity_id IS NOT NULL AND link.kind = 'person'
GROUP BY link.entity_id
