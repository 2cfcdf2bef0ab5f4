-- The beginning of an interaction's text, as whoever asks may read it: one row an interaction.
-- Rules: it is that of the newest part that has one, of those parts alone whose text may be read: in
-- a mailbox that was granted, or any for those who may read everyone's (sales.reading_rights). Drafts
-- are left out.
SELECT interaction_id, snippet
FROM (
  SELECT
    live.interaction_id,
    live.snippet,
    ROW_NUMBER() OVER (
      PARTITION BY live.interaction_id
      ORDER BY
        live.version_stamp DESC, live.version_fetched DESC, live.version_digest DESC,
        live.pipeline_version DESC, live.written_at DESC, live.record_key DESC, live.part DESC
    ) AS place
  FROM `sales.interactions_latest` AS live
  CROSS JOIN `sales.reading_rights` AS rights
  WHERE
    NOT live.is_draft
    AND live.snippet IS NOT NULL
    AND (rights.is_all OR live.mailbox IN UNNEST(rights.mailboxes))
)
WHERE place = 1
