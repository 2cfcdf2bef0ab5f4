-- Every part of every interaction with its text, where whoever asks may read it: a row a copy of a
-- mail, a part of a call, a note. Facts and subjects are for all readers; drafts are for nobody.
-- Times are UTC.
-- Rules: who may read what is said in sales.reading_rights; what is in no mailbox (calls, notes) is
-- for those alone who may read everyone's. A text belongs to the version it came with: the newest
-- version of an interaction without one has none. is_readable says whether a text would be shown.
WITH written AS (
  SELECT record_key, part, change_id, written_at, body
  FROM `sales.bodies`
  UNION ALL
  SELECT record_key, part, change_id, written_at, transcript AS body
  FROM `sales.transcripts`
),
texts AS (
  SELECT record_key, part, change_id, written_at, MAX(body) AS body
  FROM written
  GROUP BY record_key, part, change_id, written_at
),
judged AS (
  SELECT
    interaction.*,
    rights.is_all OR COALESCE(interaction.mailbox IN UNNEST(rights.mailboxes), FALSE)
      AS is_readable
  FROM `sales.interactions_latest` AS interaction
  CROSS JOIN `sales.reading_rights` AS rights
  WHERE NOT interaction.is_draft
)
SELECT
  judged.occurred_at,
  judged.kind,
  judged.part,
  judged.direction,
  judged.mailbox,
  judged.subject,
  judged.is_readable,
  IF(judged.is_readable, texts.body, NULL) AS body,
  judged.thread_id,
  judged.duration_s,
  judged.outcome,
  judged.owner_key,
  judged.interaction_id,
  judged.record_key
FROM judged
LEFT JOIN texts
  ON texts.record_key = judged.record_key
  AND texts.part = judged.part
  AND texts.change_id = judged.change_id
  AND texts.written_at = judged.written_at
