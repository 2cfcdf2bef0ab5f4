"""Options of the pipelines: what Beam's own options do not know."""

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

DEFAULT_SHARDS = 64
"""Shards of keyed state. The number is part of a job's interface: a running job keeps its own."""

DEDUPE_HORIZON_S = 7 * 86_400
"""How long a change is remembered: as long as a subscription keeps messages for seek."""


class SalesIntelOptions(PipelineOptions):  # type: ignore[misc]
    """Where messages come from and rows go to, and how a deployment wants them treated."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--messages_project", help="Project of topics and subscriptions; default: --project."
        )
        parser.add_argument(
            "--warehouse_project", help="Project of the datasets; default: --project."
        )
        parser.add_argument(
            "--settings", help="Settings file (TOML): own domains, custom fields, field policy."
        )
        parser.add_argument(
            "--objects", help="Where payloads above 7 MB lie: a folder, or gs://bucket/prefix."
        )
        parser.add_argument(
            "--shards", type=int, default=DEFAULT_SHARDS, help="Shards of keyed state."
        )
        parser.add_argument(
            "--dedupe_horizon_s",
            type=float,
            default=DEDUPE_HORIZON_S,
            help="Seconds for which a change is remembered.",
        )
