"""Imports: files that people have, as the same changes that the live connectors publish."""

from connectors.bad_input import BadInput, bad_input_message
from connectors.files.kinds import Kind
from connectors.files.options import ImportOptions
from connectors.files.planning import ImportPlan, Refused, detect, plan
from connectors.files.reading import read
from connectors.files.records import mapping_of

__all__ = [
    "BadInput",
    "ImportOptions",
    "ImportPlan",
    "Kind",
    "Refused",
    "bad_input_message",
    "detect",
    "mapping_of",
    "plan",
    "read",
]
