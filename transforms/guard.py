"""The one place that catches: what a step cannot process becomes a dead letter.

`.with_exception_handling` of Beam would do for plain steps, but not keep the original message, and
breaks on stateful ones.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from schemas.clock import Clock, wall_clock
from schemas.errors import FatalError, RetriableError, SkippableError
from schemas.flow import RowBatch
from schemas.operations import DeadLetter
from transforms.dead_letters import Store, dead_letter, original
from transforms.metrics import DEAD_LETTERS, RETRIED, counter

log = logging.getLogger(__name__)

DEAD_LETTER_TAG = "dead_letters"

_EVENT = re.compile(r"[0-9a-f]{32}\Z")


def event_of(attributes: Mapping[str, str]) -> str:
    """The id of a message's change as a log may have it: a hash, or `unknown`, for whoever forges
    an envelope may write anything there."""
    named = attributes.get("ce-id", "")
    return named if _EVENT.match(named) else "unknown"


class Guarded:
    """A step whose errors are acted on by policy (schemas/errors.py): what it makes of an element,
    or the dead letter of the element; raises what stops the work or is to be tried again."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        stage: str,
        job_name: str,
        clock: Clock = wall_clock,
        store: Store | None = None,
    ) -> None:
        self._function = function
        self.stage = stage
        self._job_name = job_name
        self._clock = clock
        self._store = store

    def __call__(self, element: Any) -> Any:
        """What comes of one element."""
        try:
            return self._function(element)
        except (RetriableError, FatalError):
            raise
        except Exception as error:
            source = original(element)
            # The text of an unexpected error may hold content: it goes to the restricted table.
            named = str(error) if isinstance(error, SkippableError) else type(error).__name__
            # Dataflow writes the lines of its workers itself: what they are about stands in them.
            about = f"message {source.message_id}, event {event_of(source.attributes)}"
            log.warning("dead letter at %s, %s: %s", self.stage, about, named)
            return dead_letter(
                source,
                self.stage,
                error,
                now=self._clock(),
                job_name=self._job_name,
                store=self._store,
            )


class GuardFn(beam.DoFn):  # type: ignore[misc]
    """Applies a guarded step to each element, and counts."""

    def __init__(self, step: Guarded) -> None:
        self._step = step
        self._dead = counter(DEAD_LETTERS)
        self._dead_here = counter(f"{DEAD_LETTERS}_{step.stage}")
        self._retried = counter(RETRIED)

    def start_bundle(self) -> None:
        """Says that there are none yet: an alert on the increase of a counter does not see what it
        begins with."""
        for each in (self._dead, self._dead_here, self._retried):
            each.inc(0)

    def process(self, element: Any) -> Iterator[Any]:
        """One element out, or one dead letter."""
        try:
            made = self._step(element)
        except (RetriableError, FatalError):
            self._retried.inc()
            raise
        if isinstance(made, DeadLetter):
            self._dead.inc()
            self._dead_here.inc()
            yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, RowBatch((made,)))
        else:
            yield made


class Guard(beam.PTransform):  # type: ignore[misc]
    """A plain step with its dead letters led off: main output and `dead_letters`."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        stage: str,
        produces: type[Any],
        job_name: str = "salesintel",
        clock: Clock = wall_clock,
        store: Store | None = None,
    ) -> None:
        super().__init__()
        self._fn = GuardFn(Guarded(function, stage, job_name, clock, store))
        self._produces = produces

    # Beam has no type hint for several outputs and would say so at every start.
    @beam.typehints.no_annotations  # type: ignore[untyped-decorator]
    def expand(self, elements: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Main output typed `produces`, dead letters as row batches."""
        outputs = elements | "Try" >> beam.ParDo(self._fn).with_outputs(
            DEAD_LETTER_TAG, main="done"
        )
        outputs.done.element_type = self._produces
        outputs[DEAD_LETTER_TAG].element_type = RowBatch
        return outputs
