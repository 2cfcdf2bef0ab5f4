-- Who and what an interaction is with: one row an interaction and party. A party is a participant
-- (mail address, phone number), or a person, account or deal that a CRM names as what it is about.
-- Rules: parties are those of sales.named_parties. Of several roles the first in the list below is
-- shown. Internal or shared is whoever the source or the resolver calls so; a number that an account
-- gives as its own is its main line, and shared. The account is the party itself, that of the deal,
-- or that of the person.
WITH ranked AS (
  SELECT
    interaction_id, party_key, role, email, phone, display_name, is_internal, is_shared,
    CASE role
      WHEN 'from' THEN 1
      WHEN 'caller' THEN 2
      WHEN 'to' THEN 3
      WHEN 'callee' THEN 4
      WHEN 'attendee' THEN 5
      WHEN 'cc' THEN 6
      WHEN 'bcc' THEN 7
      WHEN 'about' THEN 8
      WHEN 'account' THEN 10
      WHEN 'deal' THEN 11
      ELSE 9
    END AS role_rank
  FROM `sales.named_parties`
),
parties AS (
  SELECT
    interaction_id,
    party_key,
    MIN(role_rank) AS role_rank,
    ANY_VALUE(role HAVING MIN role_rank) AS role,
    MAX(email) AS email,
    MAX(phone) AS phone,
    MAX(display_name) AS display_name,
    LOGICAL_OR(is_internal) AS is_internal,
    LOGICAL_OR(is_shared) AS is_shared
  FROM ranked
  GROUP BY interaction_id, party_key
),
entities AS (
  SELECT
    entity_id, display_name, primary_email, primary_domain, account_entity_id, is_internal,
    is_shared
  FROM `identity.entities_latest`
),
main_lines AS (
  SELECT DISTINCT phone
  FROM `sales.accounts_latest`
  CROSS JOIN UNNEST(phones) AS phone
),
resolved AS (
  SELECT
    party.interaction_id,
    party.party_key,
    party.role_rank,
    party.role,
    party.email,
    party.phone,
    COALESCE(
      entity.display_name,
      party.display_name,
      entity.primary_email,
      party.email,
      party.phone,
      party.party_key
    ) AS shown_name,
    party.is_internal OR COALESCE(entity.is_internal, FALSE) AS is_internal,
    party.is_shared
      OR COALESCE(entity.is_shared, FALSE)
      OR main_lines.phone IS NOT NULL AS is_shared,
    link.kind AS entity_kind,
    link.entity_id,
    IF(link.kind = 'person', entity.account_entity_id, link.entity_id) AS account_entity_id
  FROM parties AS party
  LEFT JOIN `identity.resolved_keys` AS link ON link.record_key = party.party_key
  LEFT JOIN entities AS entity ON entity.entity_id = link.entity_id
  LEFT JOIN main_lines ON main_lines.phone = party.phone
)
SELECT
  resolved.interaction_id,
  resolved.party_key,
  resolved.role_rank,
  resolved.role,
  resolved.email,
  resolved.phone,
  resolved.shown_name,
  resolved.is_internal,
  resolved.is_shared,
  resolved.entity_kind,
  resolved.entity_id,
  resolved.account_entity_id,
  account.display_name AS account_name,
  account.primary_domain AS account_domain
FROM resolved
LEFT JOIN entities AS account ON account.entity_id = resolved.account_entity_id
