-- Conversations by mail, across all mailboxes: one row a thread, the newest first. Times are UTC.
-- Rules: mails belong together by Message-ID, References and In-Reply-To, whosever mailbox holds
-- them; a mail in several mailboxes counts once. Bulk mail, drafts and mails among ourselves are
-- left out, and so is a mail that no thread is known of. mailboxes are those that hold a mail which
-- counts. The subject is that of the first mail.
-- waiting_on is us where the last mail came from them, else them. People are those on the other
-- side, without shared mailboxes; the account is that of most mails, the smaller id where two have
-- as many. do_not_contact: one of the people must not be contacted, or has opted out of mail.
WITH mails AS (
  SELECT
    thread_id, interaction_id, occurred_at, direction, subject,
    ROW_NUMBER() OVER (PARTITION BY thread_id ORDER BY occurred_at, interaction_id) AS place
  FROM `sales.folded_interactions`
  WHERE
    kind = 'email'
    AND thread_id IS NOT NULL
    AND occurred_at IS NOT NULL
    AND NOT is_bulk
    AND direction != 'internal'
),
threads AS (
  SELECT
    thread_id,
    ANY_VALUE(subject HAVING MIN place) AS subject,
    ANY_VALUE(direction HAVING MAX place) AS last_direction,
    MIN(occurred_at) AS started_at,
    MAX(occurred_at) AS last_at,
    COUNT(*) AS mails,
    COUNTIF(direction = 'inbound') AS inbound_mails
  FROM mails
  GROUP BY thread_id
),
mailboxes AS (
  SELECT thread_id, ARRAY_AGG(mailbox ORDER BY mailbox) AS mailboxes
  FROM (
    SELECT DISTINCT mails.thread_id, copy.mailbox
    FROM mails
    JOIN `sales.interactions_latest` AS copy ON copy.interaction_id = mails.interaction_id
    WHERE copy.mailbox IS NOT NULL AND NOT copy.is_draft
  )
  GROUP BY thread_id
),
entities AS (
  SELECT
    entity_id, kind, display_name, primary_domain, account_entity_id, is_internal, is_shared
  FROM `identity.entities_latest`
),
others AS (
  SELECT
    mails.thread_id,
    entity.entity_id,
    COALESCE(entity.display_name, party.email) AS shown_name,
    entity.is_shared OR party.is_shared AS is_shared,
    IF(entity.kind = 'person', entity.account_entity_id, entity.entity_id) AS account_entity_id,
    mails.interaction_id,
    entity.kind
  FROM mails
  JOIN `sales.named_parties` AS party ON party.interaction_id = mails.interaction_id
  JOIN `identity.resolved_keys` AS link ON link.record_key = party.party_key
  JOIN entities AS entity ON entity.entity_id = link.entity_id
  WHERE NOT party.is_internal AND NOT entity.is_internal
),
persons AS (
  SELECT thread_id, entity_id, MIN(shown_name) AS shown_name
  FROM others
  WHERE kind = 'person' AND NOT is_shared
  GROUP BY thread_id, entity_id
),
people AS (
  SELECT
    person.thread_id,
    ARRAY_AGG(person.shown_name ORDER BY person.shown_name, person.entity_id) AS person_names,
    ARRAY_AGG(person.entity_id ORDER BY person.shown_name, person.entity_id) AS person_entity_ids,
    LOGICAL_OR(
      COALESCE(consent.do_not_contact, FALSE) OR COALESCE(consent.email_opt_out, FALSE)
    ) AS do_not_contact
  FROM persons AS person
  LEFT JOIN `sales.consent` AS consent ON consent.entity_id = person.entity_id
  GROUP BY person.thread_id
),
counted AS (
  SELECT thread_id, account_entity_id, COUNT(DISTINCT interaction_id) AS mails
  FROM others
  WHERE account_entity_id IS NOT NULL
  GROUP BY thread_id, account_entity_id
),
accounts AS (
  SELECT thread_id, account_entity_id
  FROM counted
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY thread_id ORDER BY mails DESC, account_entity_id) = 1
)
SELECT
  threads.last_at,
  threads.subject,
  people.person_names,
  account.display_name AS account_name,
  IF(threads.last_direction = 'inbound', 'us', 'them') AS waiting_on,
  threads.mails,
  threads.inbound_mails,
  mailboxes.mailboxes,
  COALESCE(people.do_not_contact, FALSE) AS do_not_contact,
  threads.started_at,
  account.primary_domain AS account_domain,
  accounts.account_entity_id,
  people.person_entity_ids,
  threads.thread_id
FROM threads
LEFT JOIN mailboxes ON mailboxes.thread_id = threads.thread_id
LEFT JOIN people ON people.thread_id = threads.thread_id
LEFT JOIN accounts ON accounts.thread_id = threads.thread_id
LEFT JOIN entities AS account ON account.entity_id = accounts.account_entity_id
