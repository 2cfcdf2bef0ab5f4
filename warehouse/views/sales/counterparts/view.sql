-- Whom an interaction is with: one row an interaction with its people on the other side, and whether
-- one of them must not be contacted, mailed or called (sales.consent).
-- Rules: people are external participants who are no shared mailbox or number, each once, in the
-- order of their roles.
SELECT
  person.interaction_id,
  ARRAY_AGG(person.entity_id ORDER BY person.role_rank, person.entity_id) AS person_entity_ids,
  ARRAY_AGG(person.shown_name ORDER BY person.role_rank, person.entity_id) AS person_names,
  LOGICAL_OR(COALESCE(consent.do_not_contact, FALSE)) AS do_not_contact,
  LOGICAL_OR(COALESCE(consent.email_opt_out, FALSE)) AS email_opt_out,
  LOGICAL_OR(COALESCE(consent.do_not_call, FALSE)) AS do_not_call
FROM (
  SELECT
    interaction_id,
    entity_id,
    MIN(shown_name) AS shown_name,
    MIN(role_rank) AS role_rank
  FROM `sales.interaction_parties`
  WHERE NOT is_internal AND NOT is_shared AND entity_kind = 'person'
  GROUP BY interaction_id, entity_id
) AS person
LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
GROUP BY person.interaction_id
