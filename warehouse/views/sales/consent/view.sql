-- What a person may not be sent or asked: one row a person entity with a CRM record.
-- Rule: a restriction on any one of the person's records binds all of them; a record that says
-- nothing restricts nothing. What counts is what a record said last. A record that was merged away
-- or deleted binds still, as nobody took its word back: the person of the record that it went into,
-- else the person whom it last belonged to, under whatever id that person lives on. An erased
-- record has said nothing. Who is told apart again is bound by their own records alone.
WITH RECURSIVE said AS (
  SELECT record_key, do_not_contact, email_opt_out, do_not_call
  FROM (SELECT * FROM (SELECT * FROM `sales.people` WHERE NOT is_deleted) WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC, written_at DESC) = 1)
),
links AS (
  SELECT record_key, entity_id
  FROM `identity.links_latest`
  WHERE entity_id IS NOT NULL AND kind = 'person'
),
standing AS (
  SELECT said.record_key, links.entity_id
  FROM said
  LEFT JOIN `identity.merged_keys` AS merged ON merged.record_key = said.record_key
  JOIN links ON links.record_key = COALESCE(merged.survivor_key, said.record_key)
),
last_links AS (
  SELECT record_key, entity_id
  FROM (SELECT * FROM (SELECT * FROM `identity.links` WHERE entity_id IS NOT NULL) WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY revision DESC) = 1)
  WHERE kind = 'person'
),
gone AS (
  SELECT last_links.record_key, last_links.entity_id
  FROM last_links
  JOIN said ON said.record_key = last_links.record_key
  LEFT JOIN standing ON standing.record_key = last_links.record_key
  WHERE standing.record_key IS NULL
),
entities AS (
  SELECT entity_id, is_retired, successor_id
  FROM (SELECT * FROM `identity.entities` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY entity_id ORDER BY revision DESC) = 1)
),
steps AS (
  SELECT record_key, entity_id, 1 AS step
  FROM gone
  UNION ALL
  SELECT steps.record_key, entities.successor_id, steps.step + 1
  FROM steps
  JOIN entities ON entities.entity_id = steps.entity_id
  WHERE steps.step < 10 AND entities.is_retired AND entities.successor_id IS NOT NULL
),
bound AS (
  SELECT record_key, entity_id
  FROM standing
  UNION ALL
  SELECT steps.record_key, steps.entity_id
  FROM steps
  JOIN entities ON entities.entity_id = steps.entity_id
  WHERE NOT entities.is_retired
)
SELECT
  bound.entity_id,
  LOGICAL_OR(COALESCE(said.do_not_contact, FALSE)) AS do_not_contact,
  LOGICAL_OR(COALESCE(said.email_opt_out, FALSE)) AS email_opt_out,
  LOGICAL_OR(COALESCE(said.do_not_call, FALSE)) AS do_not_call
FROM said
JOIN bound ON bound.record_key = said.record_key
GROUP BY bound.entity_id
