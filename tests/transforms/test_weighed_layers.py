"""Single layers of the weighing engine, where the order of messages is hardest to see."""

from transforms.identity.weighed.components import Components
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.linkage import clusters
from transforms.identity.weighed.messages import Edges, Stand
from transforms.identity.weighed.weights import SHIPPED

FIRST, SECOND = (1, 0, ""), (1, 0, "")


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


def test_linkage_weighs_a_cluster_as_a_whole() -> None:
    bits = {(0, 1): 900, (1, 2): 500, (0, 2): -2_000}

    def between(a: int, b: int) -> int:
        return bits[min(a, b), max(a, b)]

    assert clusters(3, between) == [[0, 1], [2]]
    assert clusters(3, between, must=[(0, 2)]) == [[0, 1, 2]]
    assert clusters(3, between, cannot=[(0, 1)]) == [[0], [1, 2]]
    assert clusters(3, between, must=[(0, 1)], cannot=[(0, 1)]) == [[0], [1, 2]]
