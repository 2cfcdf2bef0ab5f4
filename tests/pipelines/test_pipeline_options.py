"""The options of the pipelines beside Beam's own."""

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from pipelines.graph import Parts, no_objects
from pipelines.options import DEDUPE_HORIZON_S, DEFAULT_SHARDS, SalesIntelOptions
from schemas.topology import RETENTION_S
from transforms.settings import Settings
from warehouse.sink import DiscardSink

GIVEN = [
    "--project=acme",
    "--messages_project=messages",
    "--warehouse_project=warehouse",
    "--settings=gs://acme/salesintel.toml",
    "--objects=gs://acme/objects",
    "--shards=128",
    "--dedupe_horizon_s=3600",
]


def test_options_are_read_beside_those_of_beam() -> None:
    options = PipelineOptions(GIVEN)
    ours = options.view_as(SalesIntelOptions)
    assert options.view_as(GoogleCloudOptions).project == "acme"
    assert (ours.messages_project, ours.warehouse_project) == ("messages", "warehouse")
    assert (ours.settings, ours.objects) == ("gs://acme/salesintel.toml", "gs://acme/objects")
    assert (ours.shards, ours.dedupe_horizon_s) == (128, 3_600.0)


def test_what_is_not_given_has_the_default_that_the_graph_has() -> None:
    ours = PipelineOptions([]).view_as(SalesIntelOptions)
    parts = Parts(Settings(), DiscardSink)
    assert (ours.shards, ours.dedupe_horizon_s) == (parts.shards, parts.dedupe_horizon_s)
    assert (ours.shards, ours.dedupe_horizon_s) == (DEFAULT_SHARDS, DEDUPE_HORIZON_S)
    assert ours.settings is ours.objects is ours.messages_project is ours.warehouse_project is None


def test_a_change_is_remembered_for_as_long_as_a_subscription_can_give_it_again() -> None:
    assert DEDUPE_HORIZON_S >= RETENTION_S


@pytest.mark.parametrize("given", ["--shards=many", "--dedupe_horizon_s=long"])
def test_a_value_that_is_no_number_is_refused(given: str) -> None:
    with pytest.raises(SystemExit):
        PipelineOptions([given]).view_as(SalesIntelOptions)


def test_a_pipeline_without_an_object_store_has_no_objects_and_no_key_in_its_text() -> None:
    with pytest.raises(LookupError):
        no_objects("folder/x")
    assert "secret" not in repr(Parts(Settings(), DiscardSink, redaction_key=b"secret"))
