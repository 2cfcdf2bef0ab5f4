-- Whose texts whoever asks may read: one row. is_all tells that it is everyone's, mailboxes are the
-- others that were granted.
-- Rules: ops.readers says who may read what: the text of a mailbox for those it was granted to, any
-- text for those who were granted *; the newest row of reader and mailbox counts.
SELECT
  COALESCE(LOGICAL_OR(mailbox = '*'), FALSE) AS is_all,
  ARRAY_AGG(mailbox) AS mailboxes
FROM (
  SELECT mailbox, revoked
  FROM `ops.readers`
  WHERE reader = LOWER(SESSION_USER())
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY reader, mailbox ORDER BY granted_at DESC, written_at DESC
  ) = 1
)
WHERE NOT revoked
