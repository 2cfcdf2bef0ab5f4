-- What happened with an account: one row an account entity and event. An event is an interaction or
-- a change of a deal. Times are UTC.
-- Rules: an interaction stands under every account it is with; what of a deal is an event is said
-- in sales.deal_changes. do_not_contact: one of the people must not be contacted
-- (sales.counterparts); a history leaves nobody out. Shown newest first, in an order that is
-- complete (time, kind, event, account), so that two readings never differ.
WITH told AS (
  -- An interaction's facts, people and accounts are put one below the other, and each account's row
  -- takes the rest from its interaction: a join would read every interaction before a question
  -- about one event is narrowed to it.
  SELECT
    interaction_id,
    account_entity_id,
    ANY_VALUE(facts) OVER (PARTITION BY interaction_id) AS facts,
    ANY_VALUE(people) OVER (PARTITION BY interaction_id) AS people
  FROM (
    SELECT interaction_id, account_entity_id, NULL AS facts, NULL AS people
    FROM `sales.interaction_accounts`
    UNION ALL
    SELECT
      interaction_id,
      NULL,
      STRUCT(
        occurred_at AS occurred_at,
        kind AS kind,
        direction AS direction,
        subject AS subject,
        outcome AS outcome
      ),
      NULL
    FROM `sales.folded_interactions`
    UNION ALL
    SELECT
      interaction_id,
      NULL,
      NULL,
      STRUCT(
        person_names AS names, person_entity_ids AS entity_ids, do_not_contact AS do_not_contact
      )
    FROM `sales.counterparts`
  )
),
events AS (
  SELECT
    account_entity_id,
    facts.occurred_at AS occurred_at,
    facts.kind AS kind,
    facts.direction AS direction,
    facts.subject AS subject,
    facts.outcome AS detail,
    CAST(NULL AS FLOAT64) AS amount,
    CAST(NULL AS STRING) AS currency,
    people.names AS person_names,
    people.entity_ids AS person_entity_ids,
    COALESCE(people.do_not_contact, FALSE) AS do_not_contact,
    interaction_id AS event_id
  FROM told
  WHERE account_entity_id IS NOT NULL AND facts IS NOT NULL
  UNION ALL
  SELECT
    account_entity_id, occurred_at, 'deal', NULL, name, detail, amount, currency,
    ARRAY<STRING>[], ARRAY<STRING>[], FALSE, change_id
  FROM `sales.deal_changes`
)
SELECT
  events.occurred_at,
  entity.display_name AS account_name,
  events.kind,
  events.direction,
  events.subject,
  events.detail,
  events.amount,
  events.currency,
  events.person_names,
  events.do_not_contact,
  entity.primary_domain AS account_domain,
  events.account_entity_id,
  events.person_entity_ids,
  events.event_id
FROM events
LEFT JOIN `identity.entities_latest` AS entity ON entity.entity_id = events.account_entity_id
