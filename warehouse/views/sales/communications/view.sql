-- Every communication once: copies of a mail in several mailboxes, and the legs, recap and
-- transcript of a call, are one row. Times are UTC.
-- Rules: the parts are folded as in sales.folded_interactions, which leaves out drafts and what is
-- deleted at the source. A person is an external participant who is no shared mailbox or number;
-- who of them must not be contacted, mailed or called makes the column true. Accounts: those that a
-- CRM names come first, then those of the deals it names, then those of the people on the other
-- side, more people first; ties go to the smaller id. account_entity_id is the first. search_text
-- is what can be searched, in lower case: subject, beginning of the text, everyone's name, address
-- and number, and the account.
WITH mailboxes AS (
  SELECT interaction_id, ARRAY_AGG(mailbox ORDER BY mailbox) AS mailboxes
  FROM (
    SELECT DISTINCT interaction_id, mailbox
    FROM `sales.interactions_latest`
    WHERE NOT is_draft AND mailbox IS NOT NULL
  )
  GROUP BY interaction_id
),
participants AS (
  SELECT
    interaction_id,
    STRING_AGG(
      TO_JSON_STRING(STRUCT(
        role AS role,
        shown_name AS name,
        email AS email,
        phone AS phone,
        entity_id AS entity_id,
        is_internal AS is_internal,
        is_shared AS is_shared
      )),
      ',' ORDER BY role_rank, party_key
    ) AS participants,
    STRING_AGG(
      CONCAT(shown_name, ' ', COALESCE(email, ''), ' ', COALESCE(phone, '')),
      ' ' ORDER BY role_rank, party_key
    ) AS search_text
  FROM `sales.interaction_parties`
  WHERE role NOT IN ('account', 'deal')
  GROUP BY interaction_id
),
persons AS (
  SELECT
    interaction_id,
    entity_id,
    MIN(shown_name) AS shown_name,
    MIN(role_rank) AS role_rank
  FROM `sales.interaction_parties`
  WHERE NOT is_internal AND NOT is_shared AND entity_kind = 'person'
  GROUP BY interaction_id, entity_id
),
counterparts AS (
  SELECT
    person.interaction_id,
    ARRAY_AGG(person.entity_id ORDER BY person.role_rank, person.entity_id) AS person_entity_ids,
    ARRAY_AGG(person.shown_name ORDER BY person.role_rank, person.entity_id) AS person_names,
    LOGICAL_OR(COALESCE(consent.do_not_contact, FALSE)) AS do_not_contact,
    LOGICAL_OR(COALESCE(consent.email_opt_out, FALSE)) AS email_opt_out,
    LOGICAL_OR(COALESCE(consent.do_not_call, FALSE)) AS do_not_call
  FROM persons AS person
  LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
  GROUP BY person.interaction_id
),
placed AS (
  SELECT
    interaction_id,
    account_entity_id,
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
),
accounts AS (
  SELECT
    interaction_id,
    MAX(IF(place = 1, account_entity_id, NULL)) AS account_entity_id,
    ARRAY_AGG(account_entity_id ORDER BY place) AS account_entity_ids
  FROM placed
  GROUP BY interaction_id
),
named_accounts AS (
  SELECT
    accounts.interaction_id,
    accounts.account_entity_id,
    accounts.account_entity_ids,
    entity.display_name AS account_name,
    entity.primary_domain AS account_domain
  FROM accounts
  LEFT JOIN `identity.entities_latest` AS entity ON entity.entity_id = accounts.account_entity_id
)
SELECT
  folded.interaction_id,
  folded.occurred_at,
  folded.kind,
  folded.direction,
  folded.subject,
  folded.snippet,
  counterparts.person_names,
  accounts.account_name,
  accounts.account_domain,
  folded.duration_s,
  folded.outcome,
  mailboxes.mailboxes,
  COALESCE(counterparts.do_not_contact, FALSE) AS do_not_contact,
  COALESCE(counterparts.email_opt_out, FALSE) AS email_opt_out,
  COALESCE(counterparts.do_not_call, FALSE) AS do_not_call,
  folded.is_bulk,
  folded.part_count,
  folded.thread_id,
  folded.our_number,
  folded.owner_key,
  counterparts.person_entity_ids,
  accounts.account_entity_id,
  accounts.account_entity_ids,
  PARSE_JSON(CONCAT('[', COALESCE(participants.participants, ''), ']')) AS participants,
  LOWER(CONCAT(
    COALESCE(folded.subject, ''), ' ', COALESCE(folded.snippet, ''), ' ',
    COALESCE(participants.search_text, ''), ' ', COALESCE(accounts.account_name, ''), ' ',
    COALESCE(accounts.account_domain, '')
  )) AS search_text
FROM `sales.folded_interactions` AS folded
LEFT JOIN mailboxes ON mailboxes.interaction_id = folded.interaction_id
LEFT JOIN participants ON participants.interaction_id = folded.interaction_id
LEFT JOIN counterparts ON counterparts.interaction_id = folded.interaction_id
LEFT JOIN named_accounts AS accounts ON accounts.interaction_id = folded.interaction_id
