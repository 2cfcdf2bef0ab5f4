-- What an interaction can be found by, in lower case: several rows an interaction, each with some of
-- its words. A search of sales.communications is a search of these.
-- Rules: words are those of the subject, of the beginning of the text as whoever asks may read it,
-- the name, address and number of who takes part, and the name and domain of every account on the
-- other side. It finds more than search_text has in it, which is one text with the first account.
SELECT
  folded.interaction_id,
  LOWER(CONCAT(COALESCE(folded.subject, ''), ' ', COALESCE(readable.snippet, ''))) AS text
FROM `sales.folded_interactions` AS folded
LEFT JOIN `sales.readable_snippets` AS readable
  ON readable.interaction_id = folded.interaction_id
UNION ALL
SELECT
  interaction_id,
  LOWER(CONCAT(
    shown_name, ' ', COALESCE(email, ''), ' ', COALESCE(phone, ''), ' ',
    IF(is_internal, '', CONCAT(COALESCE(account_name, ''), ' ', COALESCE(account_domain, '')))
  )) AS text
FROM `sales.interaction_parties`
