-- When something happened with an account: one row an account entity and event, without what it was.
-- An event is an interaction (sales.folded_interactions, sales.interaction_accounts) or a change of
-- a deal (sales.deal_changes). What the first rows of sales.account_timeline are is asked of it.
-- Times are UTC.
SELECT
  account.account_entity_id,
  folded.occurred_at,
  folded.kind,
  folded.interaction_id AS event_id
FROM `sales.folded_interactions` AS folded
JOIN `sales.interaction_accounts` AS account ON account.interaction_id = folded.interaction_id
UNION ALL
SELECT account_entity_id, occurred_at, 'deal' AS kind, change_id AS event_id
FROM `sales.deal_changes`
