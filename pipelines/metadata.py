"""Writes templates/*.json, the metadata of the Flex Templates, from pipelines/parameters.py.

https://cloud.google.com/dataflow/docs/guides/templates/configuring-flex-templates#metadata_file
"""

import json
from pathlib import Path
from typing import Any

from pipelines.parameters import TEMPLATES, Parameter, Template

FOLDER = Path(__file__).resolve().parent.parent / "templates"


def metadata(template: Template) -> dict[str, Any]:
    """What Google is told of a template: it refuses a launch that does not match."""
    return {
        "name": template.name,
        "description": template.description,
        "streaming": template.streaming,
        "parameters": [described(one) for one in template.by_name.values()],
    }


def described(parameter: Parameter) -> dict[str, Any]:
    """A parameter, as metadata has it."""
    about = {
        "name": parameter.name,
        "label": parameter.label,
        "helpText": parameter.help,
        "isOptional": not parameter.required,
        "paramType": parameter.param_type,
        "regexes": [f"^(?:{parameter.pattern})$"],
    }
    if parameter.default is not None:
        about["defaultValue"] = str(parameter.default)
    return about


def text(template: Template) -> str:
    """The file of a template."""
    return json.dumps(metadata(template), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes them all."""
    for name, template in TEMPLATES.items():
        (FOLDER / f"{name}.json").write_text(text(template), encoding="utf-8")


if __name__ == "__main__":
    main()
