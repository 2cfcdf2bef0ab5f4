-- How sure it is that the records of an entity are one: one row an entity, the least certain first.
-- Rules: of each record the newest link counts; records that are gone are left out. least_confidence
-- is that of the record that belongs there least surely, least_record_key that record (the smaller
-- key where two are as unsure): an entity is as sure as its weakest member. An entity of one record
-- has nothing to be unsure of. Probabilities, 0 to 1.
SELECT
  entity_id,
  kind,
  COUNT(*) AS records,
  MIN(confidence) AS least_confidence,
  AVG(confidence) AS mean_confidence,
  ANY_VALUE(record_key HAVING MIN place) AS least_record_key
FROM (
  SELECT
    entity_id, kind, record_key, confidence,
    ROW_NUMBER() OVER (PARTITION BY entity_id ORDER BY confidence, record_key) AS place
  FROM `identity.links_latest`
  WHERE entity_id IS NOT NULL
)
GROUP BY entity_id, kind
