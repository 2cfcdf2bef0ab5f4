-- How long they wait for an answer: one row a turn of theirs in a thread, asked in the last 90
-- days, the newest first. Times are UTC; hours are hours of the clock, not of work.
-- Rules: a turn is one or more mails from them in a row; it waits from its first mail until the
-- next mail of ours in the thread, from whichever mailbox. Bulk mail, drafts and mails among
-- ourselves do not count, nor does a mail that no thread is known of. An answer by phone is not
-- seen. The owner is whoever answered; before that, one of us to whom the mail went: the smaller id
-- of several, none where it went to a shared mailbox. do_not_contact: who asked must not be
-- contacted, or has opted out of mail.
WITH mails AS (
  SELECT
    thread_id, interaction_id, occurred_at, direction, subject,
    LAG(direction) OVER (
      PARTITION BY thread_id ORDER BY occurred_at, interaction_id
    ) AS direction_before
  FROM `sales.folded_interactions`
  WHERE
    kind = 'email'
    AND thread_id IS NOT NULL
    AND occurred_at IS NOT NULL
    AND NOT is_bulk
    AND direction IN ('inbound', 'outbound')
),
turns AS (
  SELECT
    thread_id, interaction_id, occurred_at, direction, subject,
    LEAD(occurred_at) OVER (
      PARTITION BY thread_id ORDER BY occurred_at, interaction_id
    ) AS replied_at,
    LEAD(interaction_id) OVER (
      PARTITION BY thread_id ORDER BY occurred_at, interaction_id
    ) AS reply_id
  FROM mails
  WHERE direction_before IS NULL OR direction != direction_before
),
asked AS (
  SELECT thread_id, interaction_id, occurred_at, subject, replied_at, reply_id
  FROM turns
  WHERE
    direction = 'inbound'
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), occurred_at, SECOND) BETWEEN 0 AND 7776000
),
wanted AS (
  SELECT interaction_id FROM asked
  UNION DISTINCT
  SELECT reply_id FROM asked WHERE reply_id IS NOT NULL
),
entities AS (
  SELECT
    entity_id, display_name, primary_domain, account_entity_id, is_internal, is_shared
  FROM `identity.entities_latest`
),
sides AS (
  SELECT
    party.interaction_id,
    MIN(IF(party.role = 'from' AND NOT is_ours, party.entity_id, NULL)) AS sender_id,
    MIN(IF(party.role = 'from' AND is_ours, party.entity_id, NULL)) AS writer_id,
    MIN(
      IF(party.role = 'to' AND is_ours AND NOT party.is_shared, party.entity_id, NULL)
    ) AS receiver_id
  FROM (
    SELECT
      named.interaction_id,
      named.role,
      entity.entity_id,
      named.is_shared OR entity.is_shared AS is_shared,
      named.is_internal OR entity.is_internal AS is_ours
    FROM wanted
    JOIN `sales.named_parties` AS named ON named.interaction_id = wanted.interaction_id
    JOIN `identity.resolved_keys` AS link ON link.record_key = named.party_key
    JOIN entities AS entity ON entity.entity_id = link.entity_id
    WHERE named.role IN ('from', 'to')
  ) AS party
  GROUP BY party.interaction_id
),
owners AS (
  SELECT entity_id AS owner_entity_id, display_name AS owner_name
  FROM entities
),
persons AS (
  SELECT entity_id AS person_entity_id, display_name AS person_name, account_entity_id
  FROM entities
)
SELECT
  asked.occurred_at AS asked_at,
  asked.subject,
  person.person_name,
  account.display_name AS account_name,
  owner.owner_name,
  asked.replied_at,
  asked.replied_at IS NOT NULL AS is_answered,
  TIMESTAMP_DIFF(asked.replied_at, asked.occurred_at, SECOND) / 3600 AS response_hours,
  IF(
    asked.replied_at IS NULL,
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), asked.occurred_at, SECOND) / 3600,
    NULL
  ) AS waiting_hours,
  COALESCE(consent.do_not_contact, FALSE) OR COALESCE(consent.email_opt_out, FALSE)
    AS do_not_contact,
  account.primary_domain AS account_domain,
  account.entity_id AS account_entity_id,
  person.person_entity_id,
  owner.owner_entity_id,
  asked.thread_id,
  asked.interaction_id
FROM asked
LEFT JOIN sides AS question ON question.interaction_id = asked.interaction_id
LEFT JOIN sides AS reply ON reply.interaction_id = asked.reply_id
LEFT JOIN persons AS person ON person.person_entity_id = question.sender_id
LEFT JOIN entities AS account ON account.entity_id = person.account_entity_id
LEFT JOIN owners AS owner
  ON owner.owner_entity_id = IF(asked.reply_id IS NULL, question.receiver_id, reply.writer_id)
LEFT JOIN `sales.consent` AS consent ON consent.entity_id = question.sender_id
