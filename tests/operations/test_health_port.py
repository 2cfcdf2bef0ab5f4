"""The port of a command that nobody calls says whether its loop turns, and turns well."""

import pytest
import requests

from operations.health_port import LONGEST_S, Pulse, health_served
from schemas.errors import ConfigurationError

HOST = "127.0.0.1"


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answers(address: str) -> dict[str, int]:
    paths = ("/health", "/health/live", "/health/ready")
    return {path: requests.get(address + path, timeout=5).status_code for path in paths}


@pytest.mark.slow
def test_a_loop_is_ready_while_its_turns_go_well_and_alive_while_it_turns() -> None:
    watch = Watch()
    pulse = Pulse(watch)
    with health_served(pulse, HOST, 0) as address:
        assert answers(address) == {"/health": 200, "/health/live": 200, "/health/ready": 503}
        pulse.beat(True)
        assert answers(address) == {"/health": 200, "/health/live": 200, "/health/ready": 200}
        pulse.beat(False)
        assert answers(address) == {"/health": 200, "/health/live": 200, "/health/ready": 503}
        pulse.beat(True)
        watch.now += LONGEST_S + 1
        assert answers(address) == {"/health": 503, "/health/live": 503, "/health/ready": 503}


@pytest.mark.slow
def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    with health_served(Pulse(), HOST, 0) as address:
        taken = int(address.rpartition(":")[2])
        with (
            pytest.raises(ConfigurationError, match="name another with --port"),
            health_served(Pulse(), HOST, taken),
        ):
            pass


def test_without_a_port_nothing_is_served() -> None:
    with health_served(Pulse(), HOST, None) as address:
        assert address == ""
