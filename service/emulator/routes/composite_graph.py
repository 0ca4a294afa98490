"""Composite graphs: up to 500 subrequests, each graph a transaction of its own.

Source: Salesforce REST API, "Composite Graph" and "Composite Graph Limits".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from service.emulator.bindings import references_in
from service.emulator.composition import BELOW, Composition, Node, halted_results
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault, unparsable
from service.emulator.json_text import parse_object
from service.emulator.routes.composite_order import list_in, read_nodes, refused, text_in, too_many
from service.emulator.routes.job_order import refuse_unknown_keys
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequests, target_of

MAXIMUM_GRAPHS = 75
MAXIMUM_NODES = 500
MAXIMUM_DEPTH = 15
MAXIMUM_NODE_TYPES = 15
MAXIMUM_FAILED_GRAPHS = 14

_KEYS = frozenset({"graphs"})
_GRAPH_KEYS = frozenset({"graphId", "compositeRequest"})


@dataclass(frozen=True, slots=True)
class _Graph:
    id: str
    nodes: Sequence[Node]


class CompositeGraphRoutes:
    """The composite graph resource.

    Args:
        subrequests: Answers what a call asks for.

    """

    def __init__(self, subrequests: Subrequests) -> None:
        self._subrequests = subrequests

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the composite graph resource."""
        router.add("composite/graph", post=self._run)

    async def _run(self, call: OrgCall) -> Answer:
        body = parse_object(await call.body.read())
        refuse_unknown_keys(body, _KEYS)
        graphs = [_graph(entry) for entry in list_in(body, "graphs")]
        _check(graphs)
        # Whether graphs take queries or collections is unverified; they do not here.
        composition = Composition(self._subrequests, call, queries=False)
        failed = 0
        answers: list[dict[str, object]] = []
        for graph in graphs:
            if failed > MAXIMUM_FAILED_GRAPHS:
                results, successful = halted_results(graph.nodes, _TOO_MANY_FAILED), False
            else:
                results, successful = composition.all_or_none(graph.nodes)
            failed += not successful
            response = {"compositeResponse": results}
            answers.append({"graphId": graph.id, "graphResponse": response, "isSuccessful": successful})
        return Answer(value={"graphs": answers})


_TOO_MANY_FAILED = f"Processing was halted since more than {MAXIMUM_FAILED_GRAPHS} graphs failed."  # unverified


def _graph(entry: object) -> _Graph:
    if not isinstance(entry, dict):
        raise unparsable("Cannot deserialize a graph: an object is expected")
    refuse_unknown_keys(entry, _GRAPH_KEYS)
    return _Graph(text_in(entry, "graphId"), read_nodes(list_in(entry, "compositeRequest")))


def _check(graphs: Sequence[_Graph]) -> None:
    if len(graphs) > MAXIMUM_GRAPHS:
        raise too_many(f"A request may have at most {MAXIMUM_GRAPHS} graphs")
    if len({graph.id for graph in graphs}) != len(graphs):
        raise refused("Every graph has to have a graphId of its own")
    nodes = [node for graph in graphs for node in graph.nodes]
    if len(nodes) > MAXIMUM_NODES:
        raise too_many(f"A request may have at most {MAXIMUM_NODES} nodes in all its graphs")
    if len({_type(node) for node in nodes}) > MAXIMUM_NODE_TYPES:
        raise too_many(f"A request may have at most {MAXIMUM_NODE_TYPES} different node types")
    if any(_depth(graph) > MAXIMUM_DEPTH for graph in graphs):
        raise too_many(f"A graph may be at most {MAXIMUM_DEPTH} levels deep")


def _type(node: Node) -> tuple[str, str, str]:
    """Return API version, method and sObject, which make the type of a node."""
    try:
        segments = target_of(node.url, below=BELOW).segments
    except SalesforceFault:
        return ("", node.method, "")  # refused when its turn comes
    return (segments[0], node.method, segments[2].lower() if len(segments) > 2 else "")  # noqa: PLR2004 - the third


def _depth(graph: _Graph) -> int:
    depths: dict[str, int] = {}
    for node in graph.nodes:
        origins = references_in([node.url, node.body])
        depths[node.reference_id] = 1 + max((depths.get(origin, 0) for origin in origins), default=0)
    return max(depths.values())
