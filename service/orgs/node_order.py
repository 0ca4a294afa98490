"""The order in which the nodes of an atomic graph run, and what a graph may not be."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.errors import FieldViolation, InvalidRequest, SluicegateError
from service.orgs.nearest import NearestNames
from service.orgs.node_errors import of_node
from service.salesforce.calls import composite, single
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import NodeId

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class _Reference:
    field: str
    target: int


def in_order(nodes: Sequence[Node]) -> list[int]:
    """Return the places of the nodes in an order in which each comes after those it refers to.

    Nodes that nothing forces apart stay in the caller's order.

    Args:
        nodes: At least one.

    Raises:
        InvalidRequest: There are too many nodes, two share a name, a reference leads to no node, references lead in a
            circle, or a graph is too deep or of too many kinds for Salesforce.

    """
    if len(nodes) > composite.MOST_NODES:
        problem = f"are {len(nodes)}; one graph takes {composite.MOST_NODES}"
        raise InvalidRequest(f"nodes {problem}", violations=[FieldViolation("nodes", problem)])
    places = _places(nodes)
    references = [_references(nodes, index, places) for index in range(len(nodes))]
    order = _sorted(nodes, references)
    if len(nodes) > composite.MOST_ROWS:
        _check_kinds(nodes)
        _check_depth(nodes, references, order)
    return order


def _places(nodes: Sequence[Node]) -> dict[str, int]:
    """Return where the node of each name is."""
    places: dict[str, int] = {}
    for index, node in enumerate(nodes):
        first = places.setdefault(node.name, index)
        if first != index:
            problem = f"is {node.name!r}, as is the name of nodes[{first}]; give each node a name of its own"
            raise _refused(nodes, index, f"nodes[{index}].name", problem)
    return places


def _references(nodes: Sequence[Node], index: int, places: Mapping[str, int]) -> list[_Reference]:
    found = []
    for name, value in nodes[index].write.values.items():
        if not isinstance(value, NodeId):
            continue
        if value.node not in places:
            nearest = NearestNames(places).find(value.node)
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            problem = f"refers to a node {value.node!r}, and no node has that name{hint}"
            raise _refused(nodes, index, f"fields.{name}", problem)
        found.append(_Reference(name, places[value.node]))
    return found


def _sorted(nodes: Sequence[Node], references: Sequence[Sequence[_Reference]]) -> list[int]:
    waits_for = [{reference.target for reference in own} for own in references]
    wanted_by: list[list[int]] = [[] for _ in nodes]
    for index, targets in enumerate(waits_for):
        for target in targets:
            wanted_by[target].append(index)
    # A heap of places, not a queue: of all nodes that could run, the caller's first one does.
    ready = [index for index, targets in enumerate(waits_for) if not targets]
    order = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for follower in wanted_by[index]:
            waits_for[follower].discard(index)
            if not waits_for[follower]:
                heapq.heappush(ready, follower)
    if len(order) < len(nodes):
        raise _circle(nodes, references, {index for index, targets in enumerate(waits_for) if targets})
    return order


def _circle(nodes: Sequence[Node], references: Sequence[Sequence[_Reference]], stuck: set[int]) -> SluicegateError:
    """Return the error for nodes each of which waits for another, which names the nodes of one circle."""
    steps: dict[int, _Reference] = {}
    index = min(stuck)
    while index not in steps:
        steps[index] = next(reference for reference in references[index] if reference.target in stuck)
        index = steps[index].target
    circle = list(steps)[list(steps).index(index) :]
    shown = [repr(nodes[each].name) for each in circle[:_MOST_NAMED]] + ["…"] * (len(circle) > _MOST_NAMED)
    names = " → ".join([*shown, repr(nodes[index].name)])
    problem = f"closes a circle of references: {names}; a node can refer only to what is written before it"
    return _refused(nodes, index, f"fields.{steps[index].field}", problem)


def _check_kinds(nodes: Sequence[Node]) -> None:
    kinds: set[tuple[str, str]] = set()
    for index, node in enumerate(nodes):
        kinds.add((node.write.sobject.lower(), single.method(node.write)))
        if len(kinds) > composite.MOST_KINDS:
            problem = (
                f"is one more than the {composite.MOST_KINDS} pairs of object and kind of operation that Salesforce "
                f"takes in a graph of more than {composite.MOST_ROWS} nodes; updates and upserts are one kind"
            )
            raise _refused(nodes, index, f"nodes[{index}].operation", problem)


def _check_depth(nodes: Sequence[Node], references: Sequence[Sequence[_Reference]], order: Sequence[int]) -> None:
    depths = [1] * len(nodes)
    for index in order:
        for reference in references[index]:
            # The id of an update by id is known, so Salesforce sees no reference.
            if nodes[reference.target].write.record_id:
                continue
            depths[index] = max(depths[index], depths[reference.target] + 1)
            if depths[index] > composite.MOST_DEPTH:
                problem = (
                    f"is the end of a chain of more than {composite.MOST_DEPTH} nodes, the most that Salesforce takes "
                    f"in a graph of more than {composite.MOST_ROWS} nodes"
                )
                raise _refused(nodes, index, f"fields.{reference.field}", problem)


def _refused(nodes: Sequence[Node], index: int, path: str, problem: str) -> SluicegateError:
    error = InvalidRequest(f"{path} {problem}", violations=[FieldViolation(path, problem)])
    return of_node(error, nodes, index)
