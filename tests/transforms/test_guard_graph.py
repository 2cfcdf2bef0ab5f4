"""What a step cannot process becomes a dead letter with its exact bytes; the rest goes on."""

import json
import logging

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from elements import a_change, an_arrival

from schemas.envelope import encode
from schemas.errors import FatalError, InvalidPayload, RetriableError
from schemas.flow import Arrival, Normalised, Received, RowBatch
from schemas.topology import GIVEN_UP_BY
from transforms import coders as coders
from transforms.dead_letters import MAX_PAYLOAD_BYTES, dead_letter, original
from transforms.decode import decode_message, without_secrets
from transforms.guard import Guard, Guarded, GuardFn

PRIVATE = "someone@example.com"


def refuse_odd(arrival: Arrival) -> Normalised:
    number = int(arrival.change.object_id.removeprefix("c-"))
    if number % 4 == 1:
        raise InvalidPayload("payload: no such thing")
    if number % 4 == 3:
        raise KeyError(PRIVATE)
    return Normalised(arrival, (), ())


def test_in_is_out_plus_dead_letters() -> None:
    with TestPipeline(runner="FnApiRunner", options=PipelineOptions([])) as pipeline:
        arrivals = pipeline | beam.Create([an_arrival(i) for i in range(20)]).with_output_types(
            Arrival
        )
        outputs = arrivals | Guard(refuse_odd, "normalise", Normalised, clock=lambda: 9)
        done = outputs.done | beam.Map(lambda e: e.arrival.message_id)
        assert_that(done, equal_to([f"m-{i}" for i in range(0, 20, 2)]), "done")
        dead = outputs.dead_letters | beam.FlatMap(
            lambda batch: [(row.message_id, row.error_type) for row in batch.rows]
        )
        expected = [
            (f"m-{i}", "InvalidPayload" if i % 4 == 1 else "KeyError") for i in range(1, 20, 2)
        ]
        assert_that(dead, equal_to(expected), "dead")


@pytest.mark.parametrize("error", [RetriableError("away"), FatalError("stop")])
def test_what_is_to_be_retried_or_stopped_is_raised(error: Exception) -> None:
    def step(_: Arrival) -> Normalised:
        raise error

    with pytest.raises(type(error)):
        list(GuardFn(Guarded(step, "normalise", "job")).process(an_arrival()))


def test_a_dead_letter_has_all_that_a_replay_needs_and_its_log_line_nothing_private(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        [tagged] = list(
            GuardFn(Guarded(refuse_odd, "normalise", "job", lambda: 9)).process(an_arrival(3))
        )
    batch: RowBatch = tagged.value
    letter = batch.rows[0]
    message = encode(a_change(3))
    assert letter.payload == message.data
    assert json.loads(letter.attributes) == message.attributes
    assert (letter.topic, letter.attempt, letter.stage) == ("changes-files", 1, "normalise")
    assert letter.stack_trace and PRIVATE in letter.error_message
    assert PRIVATE not in caplog.text and "m-3" in caplog.text


def test_the_same_failure_has_the_same_id_and_a_replay_another() -> None:
    source = original(an_arrival(1))
    error = InvalidPayload("x")
    first = dead_letter(source, "normalise", error, now=1, job_name="j")
    again = dead_letter(source, "normalise", error, now=2, job_name="j")
    replay = source._replace(attributes={**source.attributes, "ce-attempt": "2"})
    assert first.dead_letter_id == again.dead_letter_id
    assert dead_letter(replay, "normalise", error, now=1, job_name="j").dead_letter_id not in (
        first.dead_letter_id,
    )


def test_a_payload_too_large_for_a_row_goes_by_claim_check() -> None:
    kept: dict[str, bytes] = {}

    def store(name: str, payload: bytes) -> str:
        kept[name] = payload
        return f"folder/{name}"

    received = Received(b"x" * (MAX_PAYLOAD_BYTES + 1), {}, "m", 1)
    letter = dead_letter(
        original(received), "decode", InvalidPayload("x"), now=1, job_name="j", store=store
    )
    assert letter.payload == b"" and letter.payload_uri
    assert next(iter(kept.values())) == received.data


def test_a_message_is_decoded_and_its_secrets_are_dropped() -> None:
    data, attributes = encode(a_change(1))
    received = Received(data, {**attributes, "Authorization": "Bearer x"}, "m-1", 1)
    clean = without_secrets(received)
    assert "Authorization" not in clean.attributes
    assert decode_message(clean, bytes).change == a_change(1)
    assert without_secrets(clean) is clean


def test_an_input_that_an_import_could_not_read_says_so() -> None:
    attributes = {
        "ce-import-error": "contacts.csv line 3: no id",
        "ce-source": "//salesintel/files",
    }
    step = GuardFn(
        Guarded(lambda message: decode_message(message, bytes), "decode", "job", lambda: 9)
    )
    [tagged] = list(step.process(Received(b"a,b\n", attributes, "m-1", 1)))
    letter = tagged.value.rows[0]
    assert letter.stage == "import" and "line 3" in letter.error_message
    assert letter.source == "files" and letter.payload == b"a,b\n"


def test_a_hint_that_was_given_up_says_so() -> None:
    attributes = {"ce-source": "//salesintel/hubspot", GIVEN_UP_BY: "fetch-hubspot"}
    step = GuardFn(
        Guarded(lambda message: decode_message(message, bytes), "decode", "job", lambda: 9)
    )
    [tagged] = list(step.process(Received(b'{"id":"1"}', attributes, "m-1", 1)))
    letter = tagged.value.rows[0]
    assert letter.stage == "fetch" and "fetch-hubspot" in letter.error_message
    assert letter.source == "hubspot" and letter.payload == b'{"id":"1"}'


def test_a_claim_checked_payload_is_fetched_and_verified() -> None:
    change = a_change(1, payload=b"large")
    data, attributes = encode(change)
    attributes["ce-dataref"] = "folder/large"
    received = Received(b"", attributes, "m", 1)
    assert decode_message(received, lambda uri: b"large").change.payload == b"large"
    with pytest.raises(Exception, match="digest"):
        decode_message(received, lambda uri: b"other")

    def missing(uri: str) -> bytes:
        raise LookupError(uri)

    with pytest.raises(Exception, match="dataref"):
        decode_message(received, missing)


def test_a_step_without_dead_letters_says_that_there_are_none() -> None:
    pipeline = TestPipeline(runner="FnApiRunner", options=PipelineOptions([]))
    arrivals = pipeline | beam.Create([an_arrival(0)]).with_output_types(Arrival)
    arrivals | Guard(refuse_odd, "normalise", Normalised, clock=lambda: 9)
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query()["counters"]
    assert {one.key.metric.name: one.committed for one in counters} == {
        "dead_letters": 0,
        "dead_letters_normalise": 0,
        "retried": 0,
    }
