-- Every interaction once, folded from its parts: copies of a mail in several mailboxes, and the
-- legs, recap and transcript of a call, are one row. People and accounts come in
-- sales.communications.
-- Rules: each column comes from the newest part that has it (version stamps, then the row's own);
-- unknown is not a direction to keep, a leg's (a transfer, a call forwarded) counts where the call
-- has none, and one between us last. It happened when its earliest part did. A mail, call or
-- message that is dated ahead of now (a wrong clock, a hostile Date header) counts as of when it
-- came to us. Drafts and what is deleted at the source are left out. Times are UTC.
WITH parts AS (
  SELECT
    interaction_id, kind, NULLIF(direction, 'unknown') AS direction,
    IF(
      kind IN ('email', 'call', 'sms') AND occurred_at > CURRENT_TIMESTAMP(),
      LEAST(version_fetched, written_at),
      occurred_at
    ) AS occurred_at,
    thread_id, subject, snippet, duration_s, outcome, our_number, owner_key, is_bulk,
    IF(part = 'leg', 0, 2) + IF(direction = 'internal', 0, 1) AS direction_rank,
    ROW_NUMBER() OVER (
      PARTITION BY interaction_id
      ORDER BY
        version_stamp, version_fetched, version_digest, pipeline_version, written_at,
        record_key, part
    ) AS age
  FROM `sales.interactions_latest`
  WHERE NOT is_draft
)
SELECT
  interaction_id,
  ANY_VALUE(kind HAVING MAX age) AS kind,
  COALESCE(
    ANY_VALUE(
      direction HAVING MAX IF(direction IS NULL, NULL, direction_rank * 1000000 + age)
    ),
    'unknown'
  ) AS direction,
  MIN(occurred_at) AS occurred_at,
  ANY_VALUE(thread_id HAVING MAX IF(thread_id IS NULL, NULL, age)) AS thread_id,
  ANY_VALUE(subject HAVING MAX IF(subject IS NULL, NULL, age)) AS subject,
  ANY_VALUE(snippet HAVING MAX IF(snippet IS NULL, NULL, age)) AS snippet,
  ANY_VALUE(duration_s HAVING MAX IF(duration_s IS NULL, NULL, age)) AS duration_s,
  ANY_VALUE(outcome HAVING MAX IF(outcome IS NULL, NULL, age)) AS outcome,
  ANY_VALUE(our_number HAVING MAX IF(our_number IS NULL, NULL, age)) AS our_number,
  ANY_VALUE(owner_key HAVING MAX IF(owner_key IS NULL, NULL, age)) AS owner_key,
  LOGICAL_OR(is_bulk) AS is_bulk,
  COUNT(*) AS part_count
FROM parts
GROUP BY interaction_id
