"""Nothing that is noted of an erasure names whom it erases."""

import pytest

from operations.privacy.holding import refuse_naming
from operations.privacy.person import Asked
from schemas.errors import ConfigurationError
from transforms.erasure import NOBODY
from transforms.traces import Identifiers, Traces
from warehouse.subject import Subject
from warehouse.traced import Person

KEY = b"k" * 32
RECORD = "salesforce:contact:0035f00002AbCdEAAX"
KNOWN = Identifiers(("ann@acme.test",), ("+12025550123",), ("Ann Lee",), (RECORD,))
ANN = Person(Subject((), KNOWN, (), 0), Traces(KNOWN), NOBODY)


def test_the_audit_hashes_whatever_names_the_person_and_keeps_the_entity() -> None:
    for asked in (Asked("ann@acme.test"), Asked(number="+12025550123"), Asked(person=RECORD)):
        said = asked.audited(KEY)
        assert len(said) == 1
        assert ANN.traces.find(repr(said).encode()) is None
    assert Asked(person="0f3b").audited(KEY) == {"person": "0f3b"}


@pytest.mark.parametrize("text", ["asked by Ann Lee", "mail of ANN@acme.test", RECORD])
def test_a_reason_that_names_the_person_is_refused_without_its_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--reason names the person") as refused:
        refuse_naming(ANN, reason=text, by="root")
    assert text not in str(refused.value)


def test_the_number_of_a_case_is_taken() -> None:
    refuse_naming(ANN, reason="case 7", by="root")
