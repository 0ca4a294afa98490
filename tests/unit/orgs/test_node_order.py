"""The order of the nodes of a graph, and which graphs are refused."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.orgs.node_order import in_order
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import ExternalKey, NodeId, Operation, Write

ID = "001000000000001AAA"


def node(name: str, *references: str, sobject: str = "Account") -> Node:
    """Return a node that creates a record and refers to others."""
    return Node(
        name, Write(Operation.CREATE, sobject, {f"F{n}__c": NodeId(other) for n, other in enumerate(references)})
    )


def chain(length: int, *, first: Node | None = None) -> list[Node]:
    """Return nodes each of which refers to the one before it."""
    start = first or node("n0")
    return [start, *(node(f"n{n}", f"n{n - 1}" if n > 1 else start.name) for n in range(1, length))]


def padded(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes and as many others that they travel as a graph."""
    return [*nodes, *(node(f"pad{n}") for n in range(26))]


def refused(nodes: Sequence[Node]) -> InvalidRequest:
    """Return why nodes are refused."""
    with pytest.raises(InvalidRequest) as raised:
        in_order(nodes)
    return raised.value


def test_each_comes_after_those_it_refers_to():
    """References decide; where nothing does the caller's order stays."""
    nodes = [node("a", "d"), node("b"), node("c", "a"), node("d"), node("e")]

    assert [1, 3, 0, 2, 4] == in_order(nodes)


@given(st.integers(1, 60), st.integers())
def test_any_graph_without_circles_has_an_order(count, seed):
    """Whatever the references, each node comes once and after all that it refers to; without any nothing moves."""
    choose = random.Random(seed)
    ranks = choose.sample(range(count), count)
    nodes = [
        node(f"n{place}", *(f"n{other}" for other in range(count) if ranks[other] < rank and choose.random() < 0.02))
        for place, rank in enumerate(ranks)
    ]

    order = in_order(nodes)

    position = {place: when for when, place in enumerate(order)}
    assert list(range(count)) == sorted(order)
    for place, each in enumerate(nodes):
        for value in each.write.values.values():
            assert isinstance(value, NodeId)
            assert position[int(value.node[1:])] < position[place]
    assert list(range(count)) == in_order([node(f"n{place}") for place in range(count)])


def test_a_name_twice():
    """Two nodes of one name are refused, and the error says which."""
    error = refused([node("a"), node("b"), node("a")])

    assert ["nodes[2].name"] == [violation.field for violation in error.violations]
    assert "nodes[0]" in error.violations[0].description
    assert {"node": "a", "node_index": "2", "nodes": "3"} == error.metadata


def test_names_differ_by_case():
    """Case matters in names."""
    assert [0, 1] == in_order([node("a"), node("A", "a")])


def test_a_reference_to_nobody():
    """A name that no node has is refused under its field, with the nearest one that exists."""
    error = refused([node("account"), node("contact", "acount")])

    assert ["nodes[1].operation.create.fields.F0__c"] == [violation.field for violation in error.violations]
    assert "did you mean 'account'?" in error.message
    assert error.message.startswith("node 'contact': ")
    assert error.message.endswith("; nothing was written")


@pytest.mark.parametrize(
    ("nodes", "circle"),
    [
        ([node("a", "a")], "'a' → 'a'"),
        ([node("x"), node("a", "b"), node("b", "a")], "'a' → 'b' → 'a'"),
        ([node("t", "a"), node("a", "x", "c"), node("b", "a"), node("c", "b"), node("x")], "'a' → 'c' → 'b' → 'a'"),
    ],
)
def test_a_circle(nodes, circle):
    """References that lead back are refused, and the error names the nodes of the circle and no others."""
    error = refused(nodes)

    assert circle in error.message
    assert ".fields.F" in error.violations[0].field


def test_a_large_circle_is_told_in_short():
    """The error of a long circle stays readable."""
    names = [f"n{n}" for n in range(400)]

    error = refused([node(name, names[place - 1]) for place, name in enumerate(names)])

    assert " → … → " in error.message
    assert len(error.message) < 400


def test_the_depth_of_a_graph():
    """Salesforce takes fifteen levels in a graph and any number in a composite call."""
    assert 25 == len(in_order(chain(25)))
    assert 41 == len(in_order(padded(chain(15))))

    error = refused(padded(chain(16)))

    assert "15" in error.message
    assert ["nodes[15].operation.create.fields.F0__c"] == [violation.field for violation in error.violations]


def test_a_known_id_is_no_level():
    """An update by id is referred to by its id, which Salesforce does not see as a reference."""
    known = Node("n0", Write(Operation.UPDATE, "Account", {}, record_id=ID))

    assert 42 == len(in_order(padded(chain(16, first=known))))


def test_the_kinds_of_a_graph():
    """Salesforce takes fifteen pairs of object and method in a graph; updates and upserts are one, so is any case."""
    kinds = [node(f"k{n}", sobject=f"S{n}__c") for n in range(14)]
    same = [
        Node("s0", Write(Operation.UPDATE, "Account", {}, record_id=ID)),
        Node("s1", Write(Operation.UPSERT, "ACCOUNT", {}, key=ExternalKey("Ext__c", "7"))),
        *(node(f"t{n}", sobject="s1__C") for n in range(20)),
    ]

    assert 36 == len(in_order([*kinds, *same]))

    error = refused([*kinds, *same, node("more", sobject="Case")])

    assert ["nodes[36].operation"] == [violation.field for violation in error.violations]
    assert 16 == len(in_order([*kinds, same[0], node("more", sobject="Case")]))


def test_too_many_nodes():
    """A graph has at most 500 nodes."""
    assert 500 == len(in_order([node(f"n{n}") for n in range(500)]))

    error = refused([node(f"n{n}") for n in range(501)])

    assert ["nodes"] == [violation.field for violation in error.violations]
