"""What can be demanded of a table: the kinds of rules.

A rule is a declaration and knows nothing of how it is asked. `bound` is the largest value that
passes: the share of rows that fail, hours of age, or a departure from what is usual. SQL in `where`
and `holds` is our own, never a caller's; values go as parameters.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from schemas.quality import Measure, Severity


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A demand on one table. `where` narrows the rows that it concerns."""

    table: str
    severity: Severity = "warning"
    bound: float = 0.0
    where: str = ""
    hint: str = ""
    """What to do where it fails."""
    measure: ClassVar[Measure] = "accuracy"

    @property
    def name(self) -> str:
        """What it is called among the rules of its table."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """Its name everywhere."""
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Required(Rule):
    """A column that has a value in practice, though the schema lets it be empty."""

    column: str
    measure: ClassVar[Measure] = "completeness"

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.present"


@dataclass(frozen=True, kw_only=True)
class Filled(Required):
    """A value that we owe ourselves: only a fault of ours leaves it empty."""

    measure: ClassVar[Measure] = "accuracy"


@dataclass(frozen=True, kw_only=True)
class Format(Rule):
    """A column, or each of its values, that is written in one way only."""

    column: str
    pattern: str
    """RE2, anchored at both ends."""

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.format"


@dataclass(frozen=True, kw_only=True)
class OneOf(Rule):
    """A column that holds one of a few words."""

    column: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.known"


@dataclass(frozen=True, kw_only=True)
class InRange(Rule):
    """A number or moment within limits, both inclusive."""

    column: str
    least: float | datetime | None = None
    most: float | datetime | None = None

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.range"


@dataclass(frozen=True, kw_only=True)
class Past(Rule):
    """A moment that has come already, but for a day that clocks may differ by."""

    column: str

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.past"


@dataclass(frozen=True, kw_only=True)
class InOrder(Rule):
    """Two moments of which the first is not later than the second."""

    first: str
    second: str

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.first}.before_{self.second}"


@dataclass(frozen=True, kw_only=True)
class Holds(Rule):
    """A condition between the columns of a row."""

    called: str
    holds: str

    @property
    def name(self) -> str:
        """As Rule."""
        return self.called


@dataclass(frozen=True, kw_only=True)
class Present(Holds):
    """A condition that says that something is there, in one column or another."""

    measure: ClassVar[Measure] = "completeness"


RowRule = Required | Format | OneOf | InRange | Past | InOrder | Holds
"""Rules that are decided by looking at one row: those of a table are one question."""


@dataclass(frozen=True, kw_only=True)
class Unique(Rule):
    """No two rows have the same values in these columns."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{'_'.join(self.columns)}.unique"


@dataclass(frozen=True, kw_only=True)
class Refers(Rule):
    """A column, or each of its values, that is found in a column of another table."""

    column: str
    to: str
    """Table."""
    to_column: str = "record_key"

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.refers_to_{self.to.partition('.')[2]}"


@dataclass(frozen=True, kw_only=True)
class Accompanied(Refers):
    """A row that is not whole without one of another table, as a mail without its people."""

    measure: ClassVar[Measure] = "completeness"


@dataclass(frozen=True, kw_only=True)
class Fresh(Rule):
    """The newest row is not older than `bound` hours."""

    column: str
    measure: ClassVar[Measure] = "timeliness"

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.fresh"


@dataclass(frozen=True, kw_only=True)
class SteadyVolume(Rule):
    """Yesterday's rows against the mean of the same weekday of the four weeks before."""

    measure: ClassVar[Measure] = "timeliness"

    @property
    def name(self) -> str:
        """As Rule."""
        return "volume.steady"


@dataclass(frozen=True, kw_only=True)
class SteadyNulls(Rule):
    """The share of rows of yesterday that lack a column, against that of the four weeks before."""

    column: str
    measure: ClassVar[Measure] = "timeliness"

    @property
    def name(self) -> str:
        """As Rule."""
        return f"{self.column}.nulls_steady"


@dataclass(frozen=True, kw_only=True)
class Held(Rule):
    """What the sources say they have is held here."""

    measure: ClassVar[Measure] = "completeness"

    @property
    def name(self) -> str:
        """As Rule."""
        return "records.held"
