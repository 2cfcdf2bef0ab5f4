-- Dealings with an account: one row an account entity and interaction.
-- Rules: e-mails, calls, messages and meetings count; notes and tasks are no contact, nor are bulk
-- mail, drafts and what goes on among ourselves. An interaction is with every account that a CRM
-- names, with those of the deals it names, and with those of the people on the other side. Inbound
-- is what came from them. A touch is what we did, or did together: whatever is not inbound, every
-- meeting, and a call that was answered. A meeting may lie ahead: occurred_at is then in the
-- future. Times are UTC.
WITH dealings AS (
  SELECT
    interaction_id, occurred_at, kind, direction,
    direction = 'inbound' AND kind != 'meeting' AS is_inbound,
    direction != 'inbound' OR kind = 'meeting'
    OR (kind = 'call' AND COALESCE(duration_s, 0) > 0) AS is_touch,
    kind = 'meeting' OR (kind = 'call' AND COALESCE(duration_s, 0) > 0) AS is_talk
  FROM `sales.folded_interactions`
  WHERE
    kind IN ('email', 'call', 'sms', 'meeting')
    AND NOT is_bulk
    AND direction != 'internal'
    AND occurred_at IS NOT NULL
),
entities AS (
  SELECT
    entity_id, is_internal, IF(kind = 'person', account_entity_id, entity_id) AS account_entity_id
  FROM `identity.entities_latest`
)
SELECT DISTINCT
  entity.account_entity_id,
  dealing.occurred_at,
  dealing.kind,
  dealing.direction,
  dealing.is_inbound,
  dealing.is_touch,
  dealing.is_talk,
  dealing.interaction_id
FROM dealings AS dealing
JOIN `sales.named_parties` AS party ON party.interaction_id = dealing.interaction_id
JOIN `identity.resolved_keys` AS link ON link.record_key = party.party_key
JOIN entities AS entity ON entity.entity_id = link.entity_id
WHERE
  NOT party.is_internal AND NOT entity.is_internal AND entity.account_entity_id IS NOT NULL
