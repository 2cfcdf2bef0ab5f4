"""Who encrypts with the key of ours in a project that is new."""

import pytest
from offline import Tested

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("terraform")]

UNDER_A_KEY = "before_the_first_release_of_one_source_under_a_key_of_ours"


def test_accounts_that_a_new_project_lacks_are_asked_for_before_they_are_granted_the_key(
    said: Tested,
) -> None:
    """A name that was put together would be known to the plan, and be of nobody yet."""
    assert UNDER_A_KEY in said.plans, said.failures
    members = {
        one.key: one.values.get("member")
        for one in said.plans[UNDER_A_KEY]
        if (one.type, one.name) == ("google_kms_crypto_key_iam_member", "service")
    }
    assert len(members) == 8
    assert {name for name, member in members.items() if member is None} == {"bigquery", "storage"}
