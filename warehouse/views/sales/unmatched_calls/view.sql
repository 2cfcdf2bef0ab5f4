-- Numbers that we talk or write with and that no CRM person has, most calls first: whom to add.
-- Rules: internal and shared numbers do not count; bulk there is none, for no source says so of a
-- call or message. A CRM person is one of sales.crm_people. A number that is not resolved yet has
-- no entity and is listed. Whoever must not be contacted, or not called (sales.consent), is left
-- out: a record that was deleted binds still. The account is that of the entity, else the one that
-- has this number as its own: the smaller id where several have. A call is missed where it came in
-- and was not answered. Times are UTC.
WITH calls AS (
  SELECT interaction_id, occurred_at, kind, direction, duration_s
  FROM `sales.folded_interactions`
  WHERE kind IN ('call', 'sms') AND direction != 'internal'
),
entities AS (
  SELECT
    entity_id, display_name, primary_domain, account_entity_id, is_internal, is_shared
  FROM `identity.entities_latest`
),
switchboards AS (
  SELECT phone, MIN(link.entity_id) AS account_entity_id
  FROM `sales.accounts_latest` AS account
  CROSS JOIN UNNEST(account.phones) AS phone
  JOIN `identity.links_latest` AS link ON link.record_key = account.record_key
  GROUP BY phone
),
seen AS (
  SELECT DISTINCT
    party.phone,
    calls.interaction_id,
    calls.occurred_at,
    calls.kind,
    calls.direction,
    calls.duration_s,
    entity.entity_id,
    entity.account_entity_id,
    COALESCE(entity.display_name, party.display_name) AS shown_name
  FROM calls
  JOIN `sales.named_parties` AS party ON party.interaction_id = calls.interaction_id
  LEFT JOIN `identity.resolved_keys` AS link ON link.record_key = party.party_key
  LEFT JOIN entities AS entity ON entity.entity_id = link.entity_id
  LEFT JOIN `sales.crm_people` AS known ON known.entity_id = link.entity_id
  LEFT JOIN `sales.consent` AS consent ON consent.entity_id = link.entity_id
  WHERE
    party.phone IS NOT NULL
    AND NOT party.is_internal
    AND NOT party.is_shared
    AND NOT COALESCE(entity.is_internal, FALSE)
    AND NOT COALESCE(entity.is_shared, FALSE)
    AND known.entity_id IS NULL
    AND NOT COALESCE(consent.do_not_contact OR consent.do_not_call, FALSE)
),
numbers AS (
  SELECT
    phone,
    MAX(shown_name) AS name,
    COUNT(DISTINCT IF(kind = 'call', interaction_id, NULL)) AS calls,
    COUNT(DISTINCT IF(
      kind = 'call' AND direction = 'inbound' AND COALESCE(duration_s, 0) = 0, interaction_id, NULL
    )) AS missed_calls,
    COUNT(DISTINCT IF(kind = 'sms', interaction_id, NULL)) AS messages,
    MIN(occurred_at) AS first_seen,
    MAX(occurred_at) AS last_seen,
    MAX(entity_id) AS entity_id,
    MAX(account_entity_id) AS account_entity_id
  FROM seen
  GROUP BY phone
),
accounts AS (
  SELECT
    entity_id AS account_entity_id, display_name AS account_name, primary_domain AS account_domain
  FROM entities
)
SELECT
  numbers.phone,
  numbers.name,
  numbers.calls,
  numbers.missed_calls,
  numbers.messages,
  numbers.first_seen,
  numbers.last_seen,
  account.account_name,
  account.account_domain,
  account.account_entity_id,
  numbers.entity_id
FROM numbers
LEFT JOIN switchboards ON switchboards.phone = numbers.phone
LEFT JOIN accounts AS account
  ON
    account.account_entity_id
    = COALESCE(numbers.account_entity_id, switchboards.account_entity_id)
