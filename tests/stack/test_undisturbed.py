"""A stack that nothing happens to: everything that was published ends in one of three places."""

import os
import random
from collections.abc import Callable

import pytest
from running import RunningStack
from views import COMPARED, Rows, accounting_of, assert_same, rows_of

from connectors.files import ImportOptions
from operations.imports import Imported, import_files
from sandbox.company import Manifest
from warehouse.query import run_sql

Start = Callable[[], RunningStack]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def test_the_tests_of_a_stack_run_in_one_process(request: pytest.FixtureRequest) -> None:
    alone = (
        request.config.getoption("dist", "no") == "no" and "PYTEST_XDIST_WORKER" not in os.environ
    )
    assert alone or request.node.nodeid.endswith("@stack"), "every process would start a stack"


def test_an_import_is_accounted_for_to_the_last_row(
    request: pytest.FixtureRequest, company: Manifest
) -> None:
    _, imported, account, rows = request.getfixturevalue("shared")
    assert imported == Imported(company.inputs - company.bad, company.bad)
    assert account["messages"] == company.inputs
    assert account["dead_letters"] == company.bad
    assert account["duplicates"] == company.duplicates
    assert all(rows[view] for view in COMPARED), "what is compared is not empty"


def test_a_second_import_of_the_same_files_changes_no_view(
    stack: RunningStack, company: Manifest, undisturbed: Rows
) -> None:
    changes = "SELECT COUNT(DISTINCT change_id) AS n FROM `raw.changes`"
    with stack.warehouse() as client:
        before, known = accounting_of(client), run_sql(client, changes, whole=True).rows
    again = import_files(stack.directory, company.imports, ImportOptions(), quiet=True)
    with stack.warehouse() as client:
        account = accounting_of(client)
        assert run_sql(client, changes, whole=True).rows == known
        assert_same(rows_of(client), undisturbed)
    assert account["messages"] == before["messages"] + again.messages
    assert account["dead_letters"] == before["dead_letters"] + company.bad


def test_every_message_twice_and_in_any_order_gives_the_same_views(
    start: Start, company: Manifest, undisturbed: Rows
) -> None:
    stack = start()
    messages = 2 * list(stack.messages(company.imports))
    random.Random(11).shuffle(messages)
    publisher = stack.publisher()
    for future in [publisher.publish(topic, data, **more) for topic, data, more in messages]:
        future.result()
    stack.until_accounted(len(messages))
    with stack.warehouse() as client:
        account = accounting_of(client)
        assert_same(rows_of(client), undisturbed)
    assert account["messages"] == 2 * company.inputs
    assert account["accepted"] == company.inputs - company.bad - company.duplicates
    assert stack.stop() == 0
