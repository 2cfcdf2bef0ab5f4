"""The demo's mix of changes, as many as wanted, as messages that were never published."""

from pathlib import Path

from connectors.bad_input import BadInput, bad_input_message
from connectors.files import ImportOptions, plan, read
from sandbox.company import DEMO, Scale, export, generate
from sandbox.company.world import AS_OF_US
from schemas.envelope import encode
from schemas.flow import Received


def demo_mix(count: int, directory: Path, seed: int = 7) -> tuple[list[Received], Path]:
    """`count` messages in the proportions of the demo, and the settings that go with them."""
    factor = count / 3_500
    scale = Scale(
        accounts=int(DEMO.accounts * factor) + 1,
        people=int(DEMO.people * factor) + 1,
        reps=DEMO.reps,
        mails=int(DEMO.mails * factor),
        calls=int(DEMO.calls * factor),
    )
    manifest = export(generate(seed, scale), directory)
    options = ImportOptions(as_of=AS_OF_US)
    messages = []
    for number, found in enumerate(read(plan(list(manifest.imports), options), options)):
        if isinstance(found, BadInput):
            _, data, attributes = bad_input_message(found)
        else:
            data, attributes = encode(found)
        messages.append(Received(data, attributes, f"m-{number}", AS_OF_US + number))
    return messages[:count], manifest.settings
