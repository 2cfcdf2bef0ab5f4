"""Options of the pipelines: what Beam's own options do not know."""

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.parameters import (
    DEDUPE_HORIZON_S,
    DEFAULT_SHARDS,
    TEMPLATES,
    all_parameters,
)

__all__ = ["DEDUPE_HORIZON_S", "DEFAULT_SHARDS", "SalesIntelOptions"]


class SalesIntelOptions(PipelineOptions):  # type: ignore[misc]
    """Where messages come from and rows go to, and how a deployment wants them treated."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--pipeline", help=f"One of {', '.join(TEMPLATES)}.")
        for one in all_parameters().values():
            parser.add_argument(f"--{one.name}", type=one.kind, default=one.default, help=one.help)
