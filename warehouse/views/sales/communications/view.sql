-- Every communication once: copies of a mail in several mailboxes, and the legs, recap and
-- transcript of a call, are one row. Times are UTC.
-- Rules: the parts are folded as in sales.folded_interactions, which leaves out drafts and what is
-- deleted at the source. People are those of sales.counterparts; who of them must not be contacted,
-- mailed or called makes the column true. Accounts stand in the order of
-- sales.interaction_accounts; account_entity_id is the first. search_text is what can be searched,
-- in lower case: subject, beginning of the text, everyone's name, address and number, and the
-- account. snippet, and its words in search_text, are those of sales.readable_snippets: the text is
-- for those who may read it. Facts, copies, texts, people and accounts of an interaction are rows
-- of their own in pieces, which are then grouped into one: a question about a hundred interactions
-- is narrowed to these in each table that is read, where joins would read all of them first.
WITH copies AS (
  SELECT DISTINCT interaction_id, mailbox
  FROM `sales.interactions_latest`
  WHERE NOT is_draft AND mailbox IS NOT NULL
),
pieces AS (
  SELECT
    interaction_id,
    STRUCT(
      occurred_at AS occurred_at,
      kind AS kind,
      direction AS direction,
      subject AS subject,
      duration_s AS duration_s,
      outcome AS outcome,
      is_bulk AS is_bulk,
      part_count AS part_count,
      thread_id AS thread_id,
      our_number AS our_number,
      owner_key AS owner_key
    ) AS facts,
    CAST(NULL AS ARRAY<STRING>) AS mailboxes,
    CAST(NULL AS STRING) AS snippet,
    NULL AS parties,
    NULL AS persons,
    NULL AS accounts
  FROM `sales.folded_interactions`
  UNION ALL
  SELECT interaction_id, NULL, ARRAY_AGG(mailbox ORDER BY mailbox), NULL, NULL, NULL, NULL
  FROM copies
  GROUP BY interaction_id
  UNION ALL
  SELECT interaction_id, NULL, NULL, snippet, NULL, NULL, NULL
  FROM `sales.readable_snippets`
  UNION ALL
  SELECT
    interaction_id,
    NULL,
    NULL,
    NULL,
    STRUCT(
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
    ),
    NULL,
    NULL
  FROM `sales.interaction_parties`
  WHERE role NOT IN ('account', 'deal')
  GROUP BY interaction_id
  UNION ALL
  SELECT
    interaction_id,
    NULL,
    NULL,
    NULL,
    NULL,
    STRUCT(
      person_entity_ids AS entity_ids,
      person_names AS names,
      do_not_contact AS do_not_contact,
      email_opt_out AS email_opt_out,
      do_not_call AS do_not_call
    ),
    NULL
  FROM `sales.counterparts`
  UNION ALL
  SELECT
    interaction_id,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    STRUCT(
      MAX(IF(place = 1, account_entity_id, NULL)) AS entity_id,
      MAX(IF(place = 1, account_name, NULL)) AS name,
      MAX(IF(place = 1, account_domain, NULL)) AS domain,
      ARRAY_AGG(account_entity_id ORDER BY place) AS entity_ids
    )
  FROM `sales.interaction_accounts`
  GROUP BY interaction_id
),
whole AS (
  SELECT
    interaction_id,
    ANY_VALUE(facts) AS facts,
    ANY_VALUE(mailboxes) AS mailboxes,
    MAX(snippet) AS snippet,
    ANY_VALUE(parties) AS parties,
    ANY_VALUE(persons) AS persons,
    ANY_VALUE(accounts) AS accounts
  FROM pieces
  GROUP BY interaction_id
)
SELECT
  interaction_id,
  facts.occurred_at AS occurred_at,
  facts.kind AS kind,
  facts.direction AS direction,
  facts.subject AS subject,
  snippet,
  persons.names AS person_names,
  accounts.name AS account_name,
  accounts.domain AS account_domain,
  facts.duration_s AS duration_s,
  facts.outcome AS outcome,
  mailboxes,
  COALESCE(persons.do_not_contact, FALSE) AS do_not_contact,
  COALESCE(persons.email_opt_out, FALSE) AS email_opt_out,
  COALESCE(persons.do_not_call, FALSE) AS do_not_call,
  facts.is_bulk AS is_bulk,
  facts.part_count AS part_count,
  facts.thread_id AS thread_id,
  facts.our_number AS our_number,
  facts.owner_key AS owner_key,
  persons.entity_ids AS person_entity_ids,
  accounts.entity_id AS account_entity_id,
  accounts.entity_ids AS account_entity_ids,
  PARSE_JSON(CONCAT('[', COALESCE(parties.participants, ''), ']')) AS participants,
  LOWER(CONCAT(
    COALESCE(facts.subject, ''), ' ', COALESCE(snippet, ''), ' ',
    COALESCE(parties.search_text, ''), ' ', COALESCE(accounts.name, ''), ' ',
    COALESCE(accounts.domain, '')
  )) AS search_text
FROM whole
WHERE facts IS NOT NULL
