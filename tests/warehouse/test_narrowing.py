"""The first rows of a view, looked up by their keys, are those that the whole view begins with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st
from view_warehouse import PROJECT, embedded_warehouse, fill

from schemas.errors import ConfigurationError
from warehouse.catalogue import Narrowed, qualified, views
from warehouse.narrowing import MOST_KEYS, MOST_WORDS, first_keys, found_by, one_of
from warehouse.query import run_view

NARROWED = [view for view in views().values() if view.metadata.narrowed]
SINCE = datetime(2026, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("narrowing")) as client:
        written(client)
        yield client


def written(client: bigquery.Client) -> None:
    """Forty tasks of several accounts or none, many at one moment; deals of the same accounts."""
    tasks: list[dict[str, Any]] = []
    deals: list[dict[str, Any]] = []
    for number in range(40):
        moment = datetime(2026, 1, 1 + number // 6, tzinfo=UTC)
        task = {"record_key": f"salesforce:task:{number}", "part": "task", "kind": "task"}
        accounts = [f"salesforce:account:{one}" for one in range(number % 4)]
        tasks.append(
            {
                **task,
                "interaction_id": f"t{number * 7 % 40}",
                "subject": f"Call no {number} back",
                "occurred_at": moment,
                "account_keys": accounts,
                "person_keys": ["salesforce:contact:1"] if number % 5 == 0 else [],
            }
        )
        if number % 3 == 0:
            deal = {"record_key": f"salesforce:opportunity:{number}", "name": f"Deal {number}"}
            account = f"salesforce:account:{number % 2}"
            deals.append({**deal, "account_key": account, "version_stamp": moment})
    fill(client, "sales.interactions", tasks)
    fill(client, "sales.deals", deals)
    for number in range(3):
        link = {"record_key": f"salesforce:account:{number}", "kind": "account"}
        fill(client, "identity.links", [link | {"entity_id": f"a{number}"}])
        entity = {"entity_id": f"a{number}", "kind": "account", "display_name": f"A{number}"}
        fill(client, "identity.entities", [entity])
    person = {"record_key": "salesforce:contact:1", "kind": "person", "entity_id": "p1"}
    fill(client, "identity.links", [person])
    name = {"entity_id": "p1", "kind": "person", "display_name": "P", "account_entity_id": "a2"}
    fill(client, "identity.entities", [name])


def whole(client: bigquery.Client, view_id: str) -> list[dict[str, Any]]:
    order = ", ".join(views()[view_id].metadata.order)
    sql = qualified(f"SELECT * FROM `{view_id}` ORDER BY {order}", PROJECT)
    return [dict(row) for row in client.query(sql, retry=None, job_retry=None).result()]


def accounts_of(row: dict[str, Any]) -> list[str]:
    return row.get("account_entity_ids") or [row.get("account_entity_id") or ""]


@pytest.mark.slow
@pytest.mark.parametrize("view", NARROWED, ids=lambda view: view.id)
def test_the_first_rows_are_those_of_the_whole_view(client: bigquery.Client, view: Any) -> None:
    everything = whole(client, view.id)
    assert len(everything) > 30
    for limit in (1, 7, 30, MOST_KEYS):
        result = run_view(client, view.id, limit=limit)
        assert result.rows == everything[:limit]
        assert result.truncated == (limit < len(everything))
    of_one = [row for row in everything if "a1" in accounts_of(row)]
    recent = [row for row in of_one if row["occurred_at"] >= SINCE]
    assert run_view(client, view.id, limit=5, account="a1").rows == of_one[:5]
    assert run_view(client, view.id, limit=5, account="a1", since=SINCE).rows == recent[:5]
    assert run_view(client, view.id, account="nobody").rows == []
    assert run_view(client, view.id, account="nobody").columns == result.columns


def test_whoever_may_read_a_view_may_search_it() -> None:
    for view in NARROWED:
        texts = view.metadata.narrowed and view.metadata.narrowed.texts
        assert not texts or set(views()[texts].metadata.readers) >= set(view.metadata.readers)


def test_what_is_asked_first_exists_and_has_the_columns() -> None:
    for view in NARROWED:
        narrowed = view.metadata.narrowed
        assert narrowed is not None
        named = {narrowed.by, narrowed.accounts or narrowed.by}
        assert named <= views().keys()
        order = {one.removesuffix(" DESC") for one in view.metadata.order}
        assert order <= {one.removesuffix(" DESC") for one in views()[narrowed.by].metadata.order}


@given(st.lists(st.text(max_size=5), max_size=8))
def test_a_key_is_a_parameter_whatever_it_is(keys: list[str]) -> None:
    condition, named = one_of("k", [{"k": key} for key in keys])
    assert list(named.values()) == list(dict.fromkeys(keys))
    assert condition == (f"k IN ({', '.join(f'@{name}' for name in named)})" if keys else "FALSE")


def test_an_account_is_looked_up_where_the_keys_have_theirs() -> None:
    both = Narrowed(key="k", by="sales.folded_interactions")
    apart = Narrowed(key="k", by="sales.folded_interactions", accounts="sales.interaction_accounts")
    asked = (("t DESC", "k"), ["t >= @since"])
    assert first_keys(both, *asked, account="a = @a", rows=3) == (
        "SELECT k FROM `sales.folded_interactions` "
        "WHERE t >= @since AND a = @a ORDER BY t DESC, k LIMIT 3"
    )
    assert first_keys(apart, *asked, account="a = @a", rows=3) == (
        "SELECT k FROM `sales.folded_interactions` WHERE t >= @since AND k IN "
        "(SELECT k FROM `sales.interaction_accounts` WHERE a = @a) ORDER BY t DESC, k LIMIT 3"
    )


@pytest.mark.slow
@pytest.mark.parametrize("embedded", [True, False], ids=["keys first", "at once"])
def test_a_search_finds_every_word_wherever_it_stands(
    client: bigquery.Client, embedded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "embedded", embedded)

    def found(search: str, **narrow: Any) -> list[str]:
        rows = run_view(client, "sales.communications", search=search, limit=3, **narrow).rows
        return [row["interaction_id"] for row in rows]

    everything = whole(client, "sales.communications")
    of_a1 = [row["interaction_id"] for row in everything if "a1" in accounts_of(row)]
    assert found("a1") == of_a1[:3]
    with_7 = [row["interaction_id"] for row in everything if "7" in row["subject"]]
    assert found("BACK  7 no") == with_7[:3]
    assert found("a1 back 7", since=SINCE) == found("a1 back 7", account="a1", since=SINCE)
    for nothing in ("7 missing", "%", "' OR '1'='1", "@word_0", "\\"):
        assert found(nothing) == []


def test_a_search_without_words_or_of_a_view_without_them_is_refused() -> None:
    narrowed = Narrowed(key="k", by="sales.folded_interactions")
    for search in ("", "  ", " ".join(map(str, range(MOST_WORDS + 1)))):
        with pytest.raises(ConfigurationError, match="--search has"):
            found_by(narrowed, "sales.interaction_texts", search)
    client = bigquery.Client("p", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    with pytest.raises(ConfigurationError, match="leave --search away"):
        run_view(client, "sales.consent", search="x")
