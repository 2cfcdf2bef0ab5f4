-- How much is matched, and how far it can be trusted: one row a source and kind. No rate without a
-- precision beside it.
-- Rules, by kind: email, call, sms and others: a sighting is a participant of one interaction,
-- drafts, bulk and our own side aside; of mails shared mailboxes are left out too. It is matched
-- where its entity, or of a shared number its account, has a record of a CRM or of an imported file.
-- record: a record of such a register; it is matched where its entity has others. precision is the
-- share of right ones among the pairs of records that were one entity when a person decided on them
-- (a decision taken back does not count), a pair under the source and kind of each of its two;
-- null where nobody has. promised is what the resolver itself expects: the mean confidence of the
-- links.
WITH sightings AS (
  SELECT
    part.source,
    interaction.kind,
    interaction.interaction_id,
    part.participant_key,
    LOGICAL_OR(part.is_internal) AS is_internal,
    LOGICAL_OR(part.is_shared) AS is_shared
  FROM `sales.interactions_latest` AS interaction
  JOIN `sales.participants_latest` AS part
    ON part.record_key = interaction.record_key AND part.change_id = interaction.change_id
  WHERE NOT interaction.is_draft AND NOT interaction.is_bulk
  GROUP BY part.source, interaction.kind, interaction.interaction_id, part.participant_key
),
seen AS (
  SELECT source, kind, participant_key, is_internal, is_shared, COUNT(*) AS sightings
  FROM sightings
  GROUP BY source, kind, participant_key, is_internal, is_shared
),
links AS (
  SELECT
    record_key,
    entity_id,
    confidence,
    SPLIT(record_key, ':')[OFFSET(0)] AS source
  FROM `identity.links_latest`
),
entities AS (
  SELECT entity_id, account_entity_id, is_internal, is_shared
  FROM `identity.entities_latest`
),
registers AS (
  SELECT entity_id, COUNT(*) AS records
  FROM links
  WHERE source IN ('salesforce', 'hubspot', 'files')
  GROUP BY entity_id
),
judged AS (
  SELECT
    seen.source,
    seen.kind,
    seen.sightings,
    IF(seen.is_shared OR COALESCE(entity.is_shared, FALSE), entity.account_entity_id, link.entity_id)
      AS target_id,
    link.confidence
  FROM seen
  LEFT JOIN links AS link ON link.record_key = seen.participant_key
  LEFT JOIN entities AS entity ON entity.entity_id = link.entity_id
  WHERE
    NOT seen.is_internal
    AND NOT COALESCE(entity.is_internal, FALSE)
    AND NOT (seen.kind = 'email' AND (seen.is_shared OR COALESCE(entity.is_shared, FALSE)))
),
told AS (
  SELECT
    judged.source,
    judged.kind,
    judged.sightings,
    IF(registers.entity_id IS NULL, 0, judged.sightings) AS matched,
    judged.confidence
  FROM judged
  LEFT JOIN registers ON registers.entity_id = judged.target_id
  UNION ALL
  SELECT
    links.source,
    'record' AS kind,
    1 AS sightings,
    IF(registers.records > 1, 1, 0) AS matched,
    links.confidence
  FROM links
  JOIN registers ON registers.entity_id = links.entity_id
  WHERE links.source IN ('salesforce', 'hubspot', 'files')
),
rates AS (
  SELECT
    source,
    kind,
    SUM(sightings) AS total,
    SUM(matched) AS matched,
    SUM(matched * confidence) AS expected
  FROM told
  GROUP BY source, kind
),
decisions AS (
  SELECT left_key, right_key, verdict, decided_at
  FROM `identity.overrides`
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY left_key, right_key ORDER BY decided_at DESC, decision_id DESC
    ) = 1
),
sides AS (
  SELECT left_key, right_key, verdict, decided_at, left_key AS record_key
  FROM decisions
  WHERE verdict != 'withdrawn'
  UNION ALL
  SELECT left_key, right_key, verdict, decided_at, right_key AS record_key
  FROM decisions
  WHERE verdict != 'withdrawn'
),
stood AS (
  SELECT side.left_key, side.right_key, side.verdict, side.record_key, link.entity_id
  FROM sides AS side
  JOIN `identity.links` AS link ON link.record_key = side.record_key
  WHERE link.resolved_at < side.decided_at AND link.entity_id IS NOT NULL
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY side.left_key, side.right_key, side.record_key ORDER BY link.revision DESC
    ) = 1
),
together AS (
  SELECT left_key, right_key, verdict
  FROM stood
  GROUP BY left_key, right_key, verdict
  HAVING COUNT(*) = 2 AND MIN(entity_id) = MAX(entity_id)
),
reviewed AS (
  SELECT source, kind, COUNT(*) AS pairs, COUNTIF(verdict = 'same') AS right_pairs
  FROM (
    SELECT DISTINCT
      together.left_key,
      together.right_key,
      together.verdict,
      SPLIT(stood.record_key, ':')[OFFSET(0)] AS source,
      CASE
        WHEN STARTS_WITH(stood.record_key, 'gmail:address:') THEN 'email'
        WHEN STARTS_WITH(stood.record_key, 'dialpad:number:') THEN 'call'
        ELSE 'record'
      END AS kind
    FROM together
    JOIN stood
      ON stood.left_key = together.left_key AND stood.right_key = together.right_key
  )
  GROUP BY source, kind
)
SELECT
  rates.source,
  rates.kind,
  rates.total,
  rates.matched,
  ROUND(SAFE_DIVIDE(rates.matched, rates.total), 4) AS rate,
  ROUND(SAFE_DIVIDE(reviewed.right_pairs, reviewed.pairs), 4) AS precision,
  COALESCE(reviewed.pairs, 0) AS reviewed_pairs,
  ROUND(SAFE_DIVIDE(rates.expected, rates.matched), 4) AS promised
FROM rates
LEFT JOIN reviewed ON reviewed.source = rates.source AND reviewed.kind = rates.kind
