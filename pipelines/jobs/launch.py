"""What a job is built from."""

from pathlib import Path
from typing import NamedTuple

from apache_beam.options.pipeline_options import PipelineOptions

from connectors.secrets import Secrets
from pipelines.options import SalesIntelOptions
from schemas.clock import Clock


class Launch(NamedTuple):
    """Options that have been checked, and what stands around them."""

    options: PipelineOptions
    secrets: Secrets
    folder: Path
    """Of this launch alone: there until the graph is built."""
    clock: Clock

    @property
    def given(self) -> SalesIntelOptions:
        """The parameters of the template."""
        given: SalesIntelOptions = self.options.view_as(SalesIntelOptions)
        return given
