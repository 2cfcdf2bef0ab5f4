-- What an interaction can be found by, in lower case: several rows an interaction, each with some of
-- its words. A search of sales.communications is a search of these.
-- Rules: words are those of the subject, of the beginning of the text where whoever asks may read
-- the text of one of its copies, the name, address and number of who takes part, and the name and
-- domain of the accounts on the other side.
WITH readable AS (
  SELECT DISTINCT live.interaction_id
  FROM `sales.interactions_latest` AS live
  CROSS JOIN `sales.reading_rights` AS rights
  WHERE NOT live.is_draft AND (rights.is_all OR live.mailbox IN UNNEST(rights.mailboxes))
)
SELECT
  folded.interaction_id,
  LOWER(CONCAT(
    COALESCE(folded.subject, ''), ' ',
    IF(readable.interaction_id IS NULL, '', COALESCE(folded.snippet, ''))
  )) AS text
FROM `sales.folded_interactions` AS folded
LEFT JOIN readable ON readable.interaction_id = folded.interaction_id
UNION ALL
SELECT
  interaction_id,
  LOWER(CONCAT(
    shown_name, ' ', COALESCE(email, ''), ' ', COALESCE(phone, ''), ' ',
    IF(is_internal, '', CONCAT(COALESCE(account_name, ''), ' ', COALESCE(account_domain, '')))
  )) AS text
FROM `sales.interaction_parties`
