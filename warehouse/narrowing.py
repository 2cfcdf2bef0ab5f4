"""The first rows of a view that makes each of its rows of many: which they are is asked first.

To list who takes part in 200,000 interactions, for a hundred of them to be shown, takes the
embedded warehouse ten times as long as to say which hundred are the newest. So a view may name
another that says it (`narrowed` in metadata.yaml); the view itself is then asked for these keys
alone. Between the two questions a row may come or go, as it may a moment later.

BigQuery is asked at once: it has the machines, bills for columns whichever rows they are of, and
lets a rep ask the views for reps alone.
"""

from collections.abc import Iterable, Mapping

from google.cloud import bigquery

from schemas.errors import ConfigurationError
from warehouse.catalogue import Narrowed

MOST_KEYS = 1_000
"""Beyond, a list of keys costs as much as the whole view; BigQuery takes 10,000 parameters.
https://cloud.google.com/bigquery/quotas#query_jobs"""


MOST_WORDS = 20


def found_by(narrowed: Narrowed, texts: str, search: str) -> tuple[str, dict[str, str]]:
    """The condition that every word of `search` is in the words of a key, wherever and in any case,
    and its parameters.

    ConfigurationError where there is no word, or too many.
    """
    words = dict.fromkeys(search.lower().split())
    if not 0 < len(words) <= MOST_WORDS:
        raise ConfigurationError(f"--search has {len(words)} words: give 1 to {MOST_WORDS}")
    named = {f"word_{number}": word for number, word in enumerate(words)}
    each = " AND ".join(f"LOGICAL_OR(STRPOS(text, @{name}) > 0)" for name in named)
    key = narrowed.key
    grouped = f"SELECT {key} FROM `{texts}` GROUP BY {key} HAVING {each}"  # noqa: S608 (own names)
    return f"{key} IN ({grouped})", named


def is_embedded(client: bigquery.Client) -> bool:
    """Whether it is worth it to look up keys first."""
    return bool(getattr(client, "embedded", False))


def first_keys(
    narrowed: Narrowed,
    order: Iterable[str],
    conditions: Iterable[str],
    *,
    account: str | None,
    rows: int,
) -> str:
    """The SELECT of the keys of a view's first `rows` rows in its order, as often as it has rows of
    each.

    `conditions` are on the key and on the time; `account` is one on account_entity_id, None where
    there is none.
    """
    key = narrowed.key
    conditions = list(conditions)
    if account and narrowed.accounts:
        theirs = f"SELECT {key} FROM `{narrowed.accounts}` WHERE {account}"  # noqa: S608 (own names)
        conditions.append(f"{key} IN ({theirs})")
    elif account:
        conditions.append(account)
    sql = f"SELECT {key} FROM `{narrowed.by}`"  # noqa: S608 (names of our own list)
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{sql} ORDER BY {', '.join(order)} LIMIT {rows:d}"


def one_of(key: str, found: Iterable[Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """The condition that a row has one of the keys that were found, and its parameters.

    A parameter a key: the embedded warehouse's planner sees through these to the tables below, as
    it does not through an array.
    """
    keys = dict.fromkeys(row[key] for row in found)
    named = {f"key_{number}": value for number, value in enumerate(keys)}
    if not named:
        return "FALSE", named
    return f"{key} IN ({', '.join(f'@{name}' for name in named)})", named
