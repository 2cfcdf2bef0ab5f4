-- Dealings of our people: one row a person of ours and interaction.
-- Rules: e-mails, calls, messages and meetings count, bulk mail, drafts and what goes on among
-- ourselves do not. It is of the owner that the source names, of whoever wrote or called, and of
-- those to whom it came; a copy (cc) is nobody's work. Shared mailboxes and numbers are nobody.
-- Several records of one person (user of a CRM, address, number) are one. Times are UTC.
WITH dealings AS (
  SELECT interaction_id, occurred_at, kind, direction, owner_key
  FROM `sales.folded_interactions`
  WHERE
    kind IN ('email', 'call', 'sms', 'meeting')
    AND NOT is_bulk
    AND direction != 'internal'
    AND occurred_at IS NOT NULL
),
named AS (
  SELECT interaction_id, occurred_at, kind, direction, owner_key AS party_key
  FROM dealings
  WHERE owner_key IS NOT NULL
  UNION ALL
  SELECT
    dealing.interaction_id, dealing.occurred_at, dealing.kind, dealing.direction, party.party_key
  FROM dealings AS dealing
  JOIN `sales.named_parties` AS party ON party.interaction_id = dealing.interaction_id
  WHERE
    party.is_internal
    AND NOT party.is_shared
    AND party.role IN ('from', 'to', 'caller', 'callee', 'attendee')
)
SELECT DISTINCT
  entity.display_name AS owner_name,
  named.occurred_at,
  named.kind,
  named.direction,
  entity.entity_id AS owner_entity_id,
  named.interaction_id
FROM named
JOIN `identity.resolved_keys` AS link ON link.record_key = named.party_key
JOIN `identity.entities_latest` AS entity ON entity.entity_id = link.entity_id
WHERE entity.kind = 'person' AND entity.is_internal AND NOT entity.is_shared
