"""docs/settings.md: every key of the settings file, read off the classes that read it, and every
option of the jobs on Dataflow, read off the one list that there is of these.

`make configuration` (python -m operations.settings_page) rewrites it.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from connectors.dialpad.settings import DialpadSettings
from connectors.exclusions import Exclusions
from connectors.gmail.settings import GmailSettings
from connectors.hubspot.settings import HubSpotSettings
from connectors.salesforce.settings import SalesforceSettings
from connectors.webhooks.settings import WebhookSettings
from operations.notifications.settings import Bounds, Mail, NotificationSettings, Slack
from operations.quality import QualitySettings
from pipelines.parameters import TEMPLATES, all_parameters
from transforms.settings import CustomField, FieldPolicy, Retention, Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
LONGEST_DEFAULT = 60
BAR = r"\|"

TABLES: Mapping[str, type[msgspec.Struct]] = {
    "": Settings,
    "[retention]": Retention,
    "[[custom_fields]]": CustomField,
    "[[field_policies]]": FieldPolicy,
    "[sources.gmail]": GmailSettings,
    "[sources.salesforce]": SalesforceSettings,
    "[sources.hubspot]": HubSpotSettings,
    "[sources.dialpad]": DialpadSettings,
    "[sources.exclusions]": Exclusions,
    "[webhooks]": WebhookSettings,
    "[notifications]": NotificationSettings,
    "[notifications.slack]": Slack,
    "[notifications.mail]": Mail,
    "[notifications.bounds]": Bounds,
    "[quality]": QualitySettings,
}
"""Table of the file to the class that reads it."""

HEAD = """\
# Settings

Made by `make configuration` from the classes that read the settings file, and from the list of
what jobs are told; do not edit. [configuration.md](configuration.md) says what settings are for,
with examples.
"""

JOBS = """\
## Options of the jobs on Dataflow

What a job is told when it is launched ([updates.md](updates.md)): parameters of its Flex Template,
and options of `templates/main.py` by the same names. Terraform tells the stream. Beam's own options
come beside them.
"""


def page() -> str:
    """The text of docs/settings.md."""
    settings = (line for name in TABLES for line in _section(name))
    return "\n".join([HEAD, *settings, *_options()]).rstrip() + "\n"


def _options() -> Iterator[str]:
    """What jobs are told: each option once, with the templates that take it."""
    yield JOBS
    yield "| option | of | default | meaning |"
    yield "|---|---|---|---|"
    yield f"| `pipeline` | every template | must be given | One of {_quoted(TEMPLATES)}. |"
    for name, one in all_parameters().items():
        of = _quoted(key for key, template in TEMPLATES.items() if name in template.by_name)
        default = "–" if one.default is None else f"`{one.default}`"
        default = "must be given" if one.required else default
        yield f"| `{name}` | {of} | {default} | {one.help.replace('|', BAR)} |"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(name: str) -> Iterator[str]:
    settings = TABLES[name]
    yield f"## {f'`{name}`' if name else 'At the top'}"
    yield ""
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    meanings = _meanings(settings)
    for field in msgspec.structs.fields(settings):
        if _is_table(name, field):
            continue
        meaning = _meaning(field, meanings)
        yield f"| `{field.encode_name}` | {_default(field)} | {meaning} |"
    yield ""


def _is_table(name: str, field: Any) -> bool:
    """Whether it is a table of its own here, or where a stand-in of the vendor answers."""
    below = f"{name.strip('[]')}.{field.encode_name}".lstrip(".")
    return not {f"[{below}]", f"[[{below}]]"}.isdisjoint(TABLES) or field.name == "endpoints"


def _meaning(field: Any, meanings: Mapping[str, str]) -> str:
    """What it means, with the values that there are where they are few."""
    choices = get_args(field.type) if get_origin(field.type) is Literal else ()
    words = meanings.get(field.name, "")
    if choices:
        words = f"{words} One of {', '.join(f'`{one}`' for one in choices)}."
    return words.replace("|", BAR)


def _default(field: Any) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
        if field.default_factory is msgspec.NODEFAULT:
            return "must be given"
        value = field.default_factory()
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ("", (), {}):
        return "empty"
    text = msgspec.json.encode(value).decode()
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "those that we know"


@cache
def _meanings(settings: type[msgspec.Struct]) -> dict[str, str]:
    """Field to the text below it in the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(settings)))
    [body] = [node.body for node in tree.body if isinstance(node, ast.ClassDef)]
    found = {}
    for field, text in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = re.sub(r"\s+", " ", str(text.value.value)).strip()
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
