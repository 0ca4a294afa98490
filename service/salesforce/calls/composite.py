"""Writes as subrequests of one call: all or none with references between them, or each on its own.

Source: Salesforce REST API, "Composite", "Composite Graph" and "Composite Graph Limits".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from service.errors import SluicegateError
from service.governor.base import Cost
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE
from service.salesforce.calls import references
from service.salesforce.calls.single import read_single, refusal, row_call, unreadable
from service.salesforce.calls.writes import Operation, Saved, Write, WriteOptions
from service.salesforce.transport.base import Request, Response

MOST_ROWS = 25
"""Most subrequests of one composite call."""
MOST_NODES = 500
"""Most nodes of one graph."""
MOST_DEPTH = 15
"""Most nodes of a graph that refer to each other in a chain."""
MOST_KINDS = 15
"""Most pairs of sObject and HTTP method in a graph."""
MOST_REPEATED_DELETIONS = 10
"""Most deletions of a call that is repeated when it is lost: each that turns out to be done costs another call."""

_HALTED = "PROCESSING_HALTED"
_ROLLED_BACK = "rolled back since another operation"
_GRAPH = "1"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Node:
    """One write of an atomic graph. Its repr holds no value."""

    name: str
    """A letter, then letters, digits and underscores; case matters."""
    write: Write


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """Why nothing of a graph was written."""

    index: int
    """Which of the nodes failed, from 0."""
    error: SluicegateError


class _Result(msgspec.Struct):
    httpStatusCode: int  # noqa: N815 - Salesforce's spelling
    referenceId: str  # noqa: N815 - Salesforce's spelling
    body: msgspec.Raw = msgspec.Raw(b"null")

    def response(self) -> Response:
        """Return it as the answer to a call of its own."""
        return Response(self.httpStatusCode, {}, bytes(self.body))


class _Composite(msgspec.Struct):
    compositeResponse: list[_Result]  # noqa: N815 - Salesforce's spelling


class _Graph(msgspec.Struct):
    graphResponse: _Composite  # noqa: N815 - Salesforce's spelling


class _Graphs(msgspec.Struct):
    graphs: list[_Graph]


_composite = msgspec.json.Decoder(_Composite)
_graphs = msgspec.json.Decoder(_Graphs)


class _Unreadable(Exception):
    """The answer holds no outcome for each subrequest."""


def composite(base: str, nodes: Sequence[Node], options: WriteOptions) -> Request:
    """Return the call that carries out at most 25 nodes, all or none.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        nodes: The nodes, each after those that it refers to.
        options: How they are written.

    Raises:
        InvalidRequest: As `references.check`, or an external id is `.` or `..`.

    """
    # Collated, neighbours of one kind may run in another order, which matters where they touch the same records.
    order = {"allOrNone": True, "collateSubrequests": False}
    document = {**order, "compositeRequest": _subrequests(base, nodes, options)}
    return _request(f"{base}/composite", document, repeatable=_is_repeatable(nodes))


def graph(base: str, nodes: Sequence[Node], options: WriteOptions) -> Request:
    """Return the call that carries out at most 500 nodes as one graph, all or none.

    Args:
        base: Path of the API version.
        nodes: The nodes, each after those that it refers to.
        options: How they are written.

    Raises:
        InvalidRequest: As `references.check`, or an external id is `.` or `..`.

    """
    graphs = [{"graphId": _GRAPH, "compositeRequest": _subrequests(base, nodes, options)}]
    return _request(f"{base}/composite/graph", {"graphs": graphs}, repeatable=_is_repeatable(nodes))


def read(response: Response, nodes: Sequence[Node], *, org: str) -> list[Saved] | NodeFailure:
    """Return what every node wrote, in their order, or which one failed, so that none of them wrote anything.

    Args:
        response: The answer to `composite` or `graph`.
        nodes: The nodes as they were sent.
        org: The org's configured name.

    Raises:
        OutcomeUnknown: Records were to be created, and the answer cannot be read.
        service.errors.SluicegateError: Salesforce refused the call as a whole and wrote nothing, or the answer cannot
            be read and repeating is harmless.

    """
    creates = any(node.write.operation is Operation.CREATE for node in nodes)
    try:
        results = _results(response, [node.name for node in nodes], org=org)
    except _Unreadable as error:
        raise unreadable(org, creates=creates) from error
    responses = [result.response() for result in results]
    if not all(map(_went_through, responses)):
        failed = _culprit(responses)
        return NodeFailure(failed, refusal(responses[failed], nodes[failed].write, org=org))
    saved = [read_single(response, node.write, org=org) for response, node in zip(responses, nodes, strict=True)]
    written = [outcome for outcome in saved if isinstance(outcome, Saved)]
    if len(written) != len(nodes):
        raise unreadable(org, creates=creates)
    return written


def rows(base: str, writes: Sequence[Write], options: WriteOptions) -> Request:
    """Return the call that carries out at most 25 updates and deletions by external id, each on its own.

    Args:
        base: Path of the API version.
        writes: Updates and deletions by external id, of which `references.is_literal` is true.
        options: How they are written.

    Raises:
        InvalidRequest: An external id is `.` or `..`, or a write is not literal.

    """
    nodes = [Node(name, write) for name, write in zip(_row_names(writes), writes, strict=True)]
    order = {"allOrNone": False, "collateSubrequests": False}
    document = {**order, "compositeRequest": _subrequests(base, nodes, options)}
    return _request(f"{base}/composite", document, repeatable=True, bulkhead=writes[0].sobject.lower())


def read_rows(response: Response, writes: Sequence[Write], *, org: str) -> list[Saved | SluicegateError]:
    """Return what became of each row, in their order; an error as a value is that row's failure.

    Args:
        response: The answer to `rows`.
        writes: The writes as they were sent.
        org: The org's configured name.

    Raises:
        service.errors.SluicegateError: Salesforce refused the call as a whole and wrote nothing, or the answer cannot
            be read.

    """
    try:
        results = _results(response, _row_names(writes), org=org)
    except _Unreadable as error:
        raise unreadable(org, creates=False) from error
    return [read_single(result.response(), write, org=org) for result, write in zip(results, writes, strict=True)]


def _subrequests(base: str, nodes: Sequence[Node], options: WriteOptions) -> list[dict[str, Any]]:
    writes = {node.name: node.write for node in nodes}
    headers = options.headers()
    found = []
    for node in nodes:
        references.check(node.write, writes)
        row = row_call(base, node.write)
        subrequest: dict[str, Any] = {"method": row.method, "url": row.path, "referenceId": node.name}
        if row.values is not None:
            subrequest["body"] = {name: references.bound(value, writes) for name, value in row.values.items()}
            if headers:
                # A subrequest may have any header but Accept, Authorization and Content-Type. That the headers of
                # duplicate and assignment rules have their effect there as on a call of their own is unverified.
                subrequest["httpHeaders"] = headers
        found.append(subrequest)
    return found


def _request(path: str, document: Mapping[str, Any], *, repeatable: bool, bulkhead: str = "") -> Request:
    body = _encoder.encode(document)
    return Request("POST", path, template=path, repeatable=repeatable, body=body, cost=Cost(bulkhead=bulkhead))


def _is_repeatable(nodes: Sequence[Node]) -> bool:
    operations = [node.write.operation for node in nodes]
    return Operation.CREATE not in operations and operations.count(Operation.DELETE) <= MOST_REPEATED_DELETIONS


def _row_names(writes: Sequence[Write]) -> list[str]:
    return [f"r{index}" for index in range(len(writes))]


def _results(response: Response, names: Sequence[str], *, org: str) -> list[_Result]:
    """Return the results of the subrequests in the order of their names."""
    if not _went_through(response):
        raise faults.from_response(response, org=org)
    try:
        found = _decoded(response.content)
    except UNREADABLE as error:
        raise _Unreadable from error
    by_name = {result.referenceId: result for result in found}
    if len(found) != len(names) or by_name.keys() != set(names):
        raise _Unreadable
    return [by_name[name] for name in names]


def _decoded(content: bytes) -> list[_Result]:
    try:
        return _composite.decode(content).compositeResponse
    except msgspec.ValidationError:
        return [result for found in _graphs.decode(content).graphs for result in found.graphResponse.compositeResponse]


def _went_through(response: Response) -> bool:
    # 300, several records with the external id, writes nothing.
    return 200 <= response.status < 300  # noqa: PLR2004 - the range of success


def _culprit(responses: Sequence[Response]) -> int:
    """Return which subrequest failed; the others were only rolled back with it."""
    failed = [index for index, response in enumerate(responses) if not _went_through(response)]
    found = {index: faults.read(responses[index].content) for index in failed}
    for index in failed:
        if not found[index] or found[index][0].code != _HALTED:
            return index
    # A reference without a value is reported by the same code with a text of its own.
    own = (index for index in failed if _ROLLED_BACK not in found[index][0].message)
    return next(own, failed[0])
