"""Single layers of the weighing engine, where the order of messages is hardest to see."""

from itertools import permutations

import pytest

from schemas.identity import IdentityRecord
from transforms.identity.weighed.blocks import Blocks
from transforms.identity.weighed.components import Components
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import FORBIDDEN, VETOED, Judge
from transforms.identity.weighed.linkage import MOST_BITS, clusters
from transforms.identity.weighed.messages import Crowd, Edges, Stand
from transforms.identity.weighed.records import Records
from transforms.identity.weighed.weights import SHIPPED

FIRST, SECOND = (1, 1, 0, ""), (1, 1, 0, "")


def test_of_two_things_a_shard_says_of_a_pair_the_later_counts_whichever_comes_last() -> None:
    stands = [
        Stand(n, f"files:contact:{n}", 3, FIRST, Features("person", "ann", "lee")) for n in (0, 1)
    ]
    said = [
        Edges(0, 1, [(0, 1, FIRST, SECOND, 9_000)]),
        Edges(0, 2, [(0, 1, FIRST, SECOND, 0)]),
    ]
    for order in (said, said[::-1]):
        components = Components(Judge(SHIPPED))
        for stand in stands:
            components.stand(stand)
        for edges in order:
            components.edges(edges)
        assert components.neighbours(0) == {}


def test_that_a_number_is_a_crowd_s_reaches_those_who_joined_it_later_and_were_heard_of_first() -> (
    None
):
    """Of two who have only the number and a name in common, nothing is left where it is hot."""
    names = ("Ann Lee", "Bob Ray", "Carla Okafor", "Dmitri Berg", "Elena Marsh", "Elena Marsh")
    records, judge = Records(Extraction()), Judge(SHIPPED)
    blocks = Blocks(judge, limit=lambda key: 3 if key.startswith("t:") else 60)
    others: list[Stand | Edges] = []
    crowds: list[Crowd] = []
    for number, name in enumerate(names):
        record = IdentityRecord(
            record_key=f"files:contact:{number}",
            kind="person",
            stamp=1,
            fetched=1,
            digest="",
            full_name=name,
            phones=("+12127360001",),
        )
        told = records.receive(record)
        assert told is not None
        join, stand = told
        others.append(stand)
        for message in blocks.receive(join):
            (crowds if isinstance(message, Crowd) else others).append(message)
    assert len(crowds) == 3
    for order in permutations(crowds):
        components = Components(judge)
        for message in others:
            (components.stand if isinstance(message, Stand) else components.edges)(message)
        components.decide()
        assert components.entities() == len(names) - 1
        for crowd in order:
            components.crowd(crowd)
            components.decide()
        assert components.entities() == len(names)


def test_linkage_weighs_a_cluster_as_a_whole() -> None:
    bits = {(0, 1): 900, (1, 2): 500, (0, 2): -2_000}

    def between(a: int, b: int) -> int:
        return bits[min(a, b), max(a, b)]

    assert clusters(3, between) == [[0, 1], [2]]
    assert clusters(3, between, must=[(0, 2)]) == [[0, 1, 2]]
    assert clusters(3, between, cannot=[(0, 1)]) == [[0], [1, 2]]
    assert clusters(3, between, must=[(0, 1)], cannot=[(0, 1)]) == [[0], [1, 2]]


@pytest.mark.parametrize("held", [FORBIDDEN, VETOED])
def test_what_a_rule_holds_apart_no_mean_joins(held: int) -> None:
    bits = {(0, 1): held, (0, 2): MOST_BITS, (1, 2): MOST_BITS, (2, 3): MOST_BITS}

    def between(a: int, b: int) -> int | None:
        return bits.get((min(a, b), max(a, b)))

    assert clusters(4, between) == [[0, 2, 3], [1]]
    assert clusters(4, between, must=[(0, 1)]) == [[0, 1, 2, 3]]
    assert clusters(4, between, must=[(0, 2), (1, 2)]) == [[0, 1, 2, 3]]
