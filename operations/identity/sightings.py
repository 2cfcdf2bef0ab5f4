"""Match rates of mails and calls: how many participants the published links lead to somebody a CRM
knows, and how many of these rightly.

The e-mail match rate is the share of participants of mails (internal, role and bulk addresses
aside), the phone match rate that of calls with an external number; a switchboard is matched with
its account. Of the links made, those are right that lead to the true person: known where the truth
is, else what the links themselves promise.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from google.cloud import bigquery

from operations.identity.known import Known
from warehouse.query import LONGEST_S, MOST_ROWS, run_sql

_SIGHTINGS = """
WITH seen AS (
  SELECT interaction_id
  FROM `sales.interactions_latest`
  WHERE NOT is_draft
  GROUP BY interaction_id
  HAVING LOGICAL_OR(kind = @kind) AND NOT LOGICAL_OR(is_bulk)
)
SELECT
  party.party_key,
  party.entity_id,
  party.account_entity_id,
  party.is_shared,
  COUNT(DISTINCT party.interaction_id) AS n
FROM seen
JOIN `sales.interaction_parties` AS party ON party.interaction_id = seen.interaction_id
WHERE
  NOT party.is_internal
  AND IF(@kind = 'email', party.email IS NOT NULL AND NOT party.is_shared, party.phone IS NOT NULL)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
"""
WHAT = {"email": "participants of mails", "call": "numbers of calls"}
REGISTERS = ("salesforce:", "hubspot:", "files:")


def sighted(
    client: bigquery.Client, asked: Known, truth: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A rate for mails and one for calls."""
    of_entity: dict[str, set[str]] = defaultdict(set)
    for key, link in asked.links.items():
        if key.startswith(REGISTERS) and link.entity_id is not None:
            of_entity[link.entity_id].add(key)
    for kind, what in WHAT.items():
        matched = total = right = known = 0
        promised = 0.0
        found = run_sql(
            client, _SIGHTINGS, {"kind": kind}, limit=MOST_ROWS, timeout_s=LONGEST_S
        ).rows
        for row in found:
            total += row["n"]
            target = row["account_entity_id"] if row["is_shared"] else row["entity_id"]
            if target not in of_entity:
                continue
            matched += row["n"]
            own = asked.links.get(row["party_key"])
            promised += row["n"] * (own.confidence if own is not None else 1.0)
            true = truth.get(row["party_key"])
            trues = {truth[key] for key in of_entity[target] if key in truth}
            if true is not None and trues and not row["is_shared"]:
                known += row["n"]
                right += row["n"] * (trues == {true})
        precision = right / known if known else promised / matched if matched else None
        yield {
            "what": what,
            "matched": matched,
            "of": total,
            "rate": round(matched / total, 4) if total else None,
            "precision": None if precision is None else round(precision, 4),
            "known_by": "truth" if known else "promise",
            "of_known": known or matched,
        }
