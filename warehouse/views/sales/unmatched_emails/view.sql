-- Addresses that we exchange mail with and that no CRM person has, most mails first: whom to add.
-- Rules: internal, shared or role addresses, bulk mail and drafts do not count. A CRM person is one
-- of sales.crm_people. An address that is not resolved yet has no entity and is listed. Whoever
-- must not be contacted, or has opted out of mail (sales.consent), is left out: a record that was
-- deleted binds still. Times are UTC.
WITH mails AS (
  SELECT
    interaction_id,
    MIN(occurred_at) AS occurred_at,
    MAX(subject) AS subject,
    LOGICAL_OR(direction = 'inbound') AS is_inbound
  FROM `sales.interactions_latest`
  WHERE NOT is_draft
  GROUP BY interaction_id
  HAVING LOGICAL_OR(kind = 'email') AND NOT LOGICAL_OR(is_bulk)
),
seen AS (
  SELECT
    person.email,
    person.shown_name,
    person.entity_id,
    person.account_entity_id,
    person.account_name,
    person.account_domain,
    mail.interaction_id,
    mail.occurred_at,
    mail.subject,
    mail.is_inbound,
    ROW_NUMBER() OVER (
      PARTITION BY person.email ORDER BY mail.occurred_at DESC, mail.interaction_id
    ) AS place
  FROM mails AS mail
  JOIN `sales.interaction_parties` AS person ON person.interaction_id = mail.interaction_id
  LEFT JOIN `sales.crm_people` AS known ON known.entity_id = person.entity_id
  LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
  WHERE
    person.email IS NOT NULL
    AND NOT person.is_internal
    AND NOT person.is_shared
    AND known.entity_id IS NULL
    AND NOT COALESCE(consent.do_not_contact OR consent.email_opt_out, FALSE)
)
SELECT
  seen.email,
  MAX(IF(seen.place = 1, seen.shown_name, NULL)) AS name,
  COUNT(DISTINCT seen.interaction_id) AS mails,
  COUNT(DISTINCT IF(seen.is_inbound, seen.interaction_id, NULL)) AS inbound_mails,
  MIN(seen.occurred_at) AS first_seen,
  MAX(seen.occurred_at) AS last_seen,
  MAX(IF(seen.place = 1, seen.subject, NULL)) AS newest_subject,
  MAX(IF(seen.place = 1, seen.account_name, NULL)) AS account_name,
  MAX(IF(seen.place = 1, seen.account_domain, NULL)) AS account_domain,
  MAX(IF(seen.place = 1, seen.account_entity_id, NULL)) AS account_entity_id,
  MAX(IF(seen.place = 1, seen.entity_id, NULL)) AS entity_id
FROM seen
GROUP BY seen.email
ORDER BY mails DESC, seen.email
