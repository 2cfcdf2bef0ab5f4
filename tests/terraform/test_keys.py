"""Who encrypts with the key of ours in a project that is new."""

import re

from offline import ROOT

TEXT = (ROOT / "terraform" / "keys.tf").read_text("utf-8")
COME_WITH_THEIR_SERVICE = {"compute", "dataflow", "run"}


def test_accounts_that_a_new_project_lacks_are_asked_for_before_they_are_granted_the_key() -> None:
    """A name that is put together may be nobody's yet; to ask for the account makes it."""
    listed = TEXT.partition("key_users = ")[2].partition("} : {}")[0]
    users = dict(re.findall(r"^    (\w+) += (.+)$", listed, re.MULTILINE))
    asked_for = {name: re.findall(r"^data\.(\w+)\.this", who) for name, who in users.items()}
    made = {name for name, who in users.items() if who.startswith("local.agents[")}
    named = users.keys() - made - {name for name, found in asked_for.items() if found}
    assert made and named == COME_WITH_THEIR_SERVICE
    for (source,) in filter(None, asked_for.values()):
        block = TEXT.partition(f'data "{source}" "this" {{')[2].partition("\n}")[0]
        assert "depends_on = [google_project_service.this]" in block
