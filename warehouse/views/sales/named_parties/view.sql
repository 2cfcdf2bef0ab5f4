-- Whom and what an interaction names: its participants (mail addresses, phone numbers), and the
-- people, accounts and deals that a CRM says it is about. A row a name, as each part and copy has
-- it: what several name stands several times, and sales.interaction_parties has it once.
-- Rules: drafts are no interactions. Only the participants of a record's newest version count: the
-- rows of one version are made together, and change, pipeline version and time tell them.
WITH interactions AS (
  SELECT
    interaction_id, change_id, pipeline_version, written_at, person_keys, account_keys, deal_keys
  FROM `sales.interactions_latest`
  WHERE NOT is_draft
),
abouts AS (
  SELECT interaction_id, party_key, 'about' AS role
  FROM interactions
  CROSS JOIN UNNEST(person_keys) AS party_key
  UNION ALL
  SELECT interaction_id, party_key, 'account' AS role
  FROM interactions
  CROSS JOIN UNNEST(account_keys) AS party_key
  UNION ALL
  SELECT interaction_id, party_key, 'deal' AS role
  FROM interactions
  CROSS JOIN UNNEST(deal_keys) AS party_key
)
SELECT
  live.interaction_id,
  part.participant_key AS party_key,
  part.role,
  part.email,
  part.phone,
  part.display_name,
  part.is_internal,
  part.is_shared
FROM interactions AS live
JOIN `sales.participants` AS part
  ON
    part.change_id = live.change_id
    AND part.pipeline_version = live.pipeline_version
    AND part.written_at = live.written_at
WHERE NOT part.is_deleted
UNION ALL
SELECT interaction_id, party_key, role, NULL, NULL, NULL, FALSE, FALSE
FROM abouts
