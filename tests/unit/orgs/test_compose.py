"""Atomic graphs against a scripted Salesforce."""

import threading
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from service import errors
from service.context import CallContext
from service.errors import FieldViolation, SluicegateError
from service.orgs import compose
from service.orgs.compose import Composer
from service.orgs.node_order import in_order
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import DEFAULT_OPTIONS, ExternalKey, NodeId, Operation, Saved, Write
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

HALTED = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back since another operation failed"}]
LOCKED = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access", "fields": []}]
GONE = [{"errorCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}]


def record_id(number: int) -> str:
    """Return an id."""
    return f"001{number:012d}AAA"


def create(name: str, **values: Any) -> Node:
    """Return a node that creates a record."""
    return Node(name, Write(Operation.CREATE, "Account", values))


def upsert(name: str, value: str, **values: Any) -> Node:
    """Return a node that upserts a record."""
    return Node(name, Write(Operation.UPSERT, "Account", values, key=ExternalKey("Ext__c", value)))


def delete(number: int) -> Node:
    """Return a node that deletes a record."""
    return Node(f"d{number}", Write(Operation.DELETE, "Account", record_id=record_id(number)))


class FakeGraphs:
    """Answers composite calls: each node gets an id by its name, unless one of them is to fail."""

    def __init__(self, *failures: tuple[str, int, Any] | None) -> None:
        self.failures = list(failures)
        self.requests: list[Request] = []
        self.sent: list[list[str]] = []

    async def send(self, request: Request, _context: CallContext) -> Response:
        """Answer with the next failure, name of the node, status and body, or with success."""
        assert isinstance(request.body, bytes)
        document = orjson.loads(request.body)
        graphs = document.get("graphs")
        nodes = graphs[0]["compositeRequest"] if graphs else document["compositeRequest"]
        self.requests.append(request)
        self.sent.append([node["referenceId"] for node in nodes])
        failure = self.failures.pop(0) if self.failures else None
        results = [self._result(node, failure) for node in nodes]
        if not graphs:
            return answer(200, {"compositeResponse": results})
        graph = {"graphId": "1", "graphResponse": {"compositeResponse": results}, "isSuccessful": failure is None}
        return answer(200, {"graphs": [graph]})

    def _result(self, node: dict[str, Any], failure: tuple[str, int, Any] | None) -> dict[str, Any]:
        name = node["referenceId"]
        found = {"referenceId": name, "httpHeaders": {}}
        if failure is not None:
            status, body = failure[1:] if failure[0] == name else (400, HALTED)
            return {**found, "httpStatusCode": status, "body": body}
        if node["method"] == "DELETE":
            return {**found, "httpStatusCode": 204, "body": None}
        return {**found, "httpStatusCode": 201, "body": {"id": record_id(int(name[1:])), "success": True}}


async def unchecked(_write: Write, _context: CallContext) -> None:
    """Find nothing wrong."""


async def unexplained(error: SluicegateError, _write: Write, _context: CallContext) -> SluicegateError:
    """Know no more."""
    return error


def composer(transport: Any, check: Any = unchecked, explain: Any = unexplained, jitter: float = 1.0) -> Composer:
    """Return what carries out graphs by way of a transport."""
    client = SalesforceClient(transport, org="prod", api_version="66.0")
    return Composer(client, check, explain, lambda: jitter)


async def failure(made: Composer, nodes: Sequence[Node], context: CallContext | None = None) -> SluicegateError:
    """Return why a graph failed."""
    with pytest.raises(SluicegateError) as raised:
        await made.compose(nodes, DEFAULT_OPTIONS, context or call(FakeClock()))
    return raised.value


async def test_a_graph_of_many_references_is_worked_out_beside_the_event_loop(monkeypatch):
    """Other calls go on meanwhile; the answer is the same."""
    threads: set[int] = set()

    def seen(nodes: Sequence[Node]) -> list[int]:
        threads.add(threading.get_ident())
        return in_order(nodes)

    monkeypatch.setattr(compose, "in_order", seen)
    nodes = [create(f"n{number}", **{f"F{field}__c": "x" for field in range(501)}) for number in range(10)]

    saved = await composer(FakeGraphs()).compose(nodes, DEFAULT_OPTIONS, call(FakeClock()))

    assert [record_id(number) for number in range(10)] == [each.record_id for each in saved]
    assert threading.get_ident() not in threads


async def test_answers_are_in_the_callers_order():
    """Nodes are sent in the order of their references and answered in the order they were given."""
    graphs = FakeGraphs()
    nodes = [create("n0", ParentId=NodeId("n2")), create("n1"), upsert("n2", "7")]

    saved = await composer(graphs).compose(nodes, DEFAULT_OPTIONS, call(FakeClock()))

    assert [["n1", "n2", "n0"]] == graphs.sent
    assert [Saved(record_id(n), created=True) for n in range(3)] == saved


@pytest.mark.parametrize(("count", "path"), [(1, "composite"), (25, "composite"), (26, "composite/graph")])
async def test_larger_graphs_travel_as_such(count, path):
    """Up to 25 nodes are a composite call, more a graph; either is one call."""
    graphs = FakeGraphs()

    saved = await composer(graphs).compose([create(f"n{n}") for n in range(count)], DEFAULT_OPTIONS, call(FakeClock()))

    assert [f"/services/data/v66.0/{path}"] == [request.path for request in graphs.requests]
    assert count == len(saved)


@pytest.mark.parametrize(
    ("nodes", "path"),
    [
        ([create("n0"), create("n0")], "nodes[1].name"),
        ([create("n0", ParentId=NodeId("n1"))], "nodes[0].operation.create.fields.ParentId"),
        ([create("n0"), create("n1", Name="@{n0.id}")], "nodes[1].operation.create.fields.Name"),
        ([create("n0"), upsert("n1", "@{n0.id}")], "nodes[1].operation.upsert.external_id.value"),
        ([create("n0"), upsert("n1", "..")], "nodes[1].operation.upsert.external_id.value"),
        ([delete(0), create("n1", ParentId=NodeId("d0"))], "nodes[1].operation.create.fields.ParentId"),
    ],
)
async def test_what_is_wrong_is_told_before_a_call_is_spent(nodes, path):
    """A graph that cannot be carried out is refused by the request's own path, and Salesforce is not asked."""
    graphs = FakeGraphs()

    error = await failure(composer(graphs), nodes)

    assert isinstance(error, errors.InvalidRequest)
    assert [path] == [violation.field for violation in error.violations]
    assert [] == graphs.sent


async def test_each_node_is_checked():
    """What the description finds wrong with a node is told under its path, before a call is spent."""
    graphs = FakeGraphs()

    async def check(write: Write, _context: CallContext) -> None:
        if "Nmae" in write.values:
            raise errors.UnknownField("no Nmae", violations=[FieldViolation("fields.Nmae", "no such field")])

    error = await failure(composer(graphs, check), [create("n0", Name="x"), create("n1", Nmae="x")])

    assert isinstance(error, errors.UnknownField)
    assert "node 'n1': no Nmae; nothing was written" == error.message
    assert ["nodes[1].operation.create.fields.Nmae"] == [violation.field for violation in error.violations]
    assert {"node": "n1", "node_index": "1", "nodes": "2"} == error.metadata
    assert [] == graphs.sent


async def test_a_check_that_cannot_be_made_is_no_fault_of_the_node():
    """An org that cannot be asked is told as that."""

    async def check(_write: Write, _context: CallContext) -> None:
        raise errors.UpstreamUnavailable("the org 'prod' cannot be reached")

    error = await failure(composer(FakeGraphs(), check), [create("n0")])

    assert "the org 'prod' cannot be reached" == error.message


async def test_the_failing_node_is_named():
    """A graph that failed says which node it was and where in the request, and keeps that node's error."""
    body = [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing", "fields": ["LastName"]}]
    graphs = FakeGraphs(("n0", 400, body))

    error = await failure(composer(graphs), [create("n0", ParentId=NodeId("n1")), create("n1")])

    assert isinstance(error, errors.RequiredFieldMissing)
    assert "node 'n0': Required fields are missing; nothing was written" == error.message
    assert ["nodes[0].operation.create.fields.LastName"] == [violation.field for violation in error.violations]
    assert {
        "node": "n0",
        "node_index": "0",
        "nodes": "2",
        "salesforce_error_code": "REQUIRED_FIELD_MISSING",
        "object": "Account",
    }.items() <= error.metadata.items()


async def test_more_is_said_where_more_is_known():
    """A refusal is explained before the caller sees it; where that fails Salesforce's own words stay."""

    async def explain(_error: SluicegateError, write: Write, _context: CallContext) -> SluicegateError:
        assert "Account" == write.sobject
        return errors.UnknownField("no field 'Nmae'; did you mean 'Name'?")

    async def fail(_error: SluicegateError, _write: Write, _context: CallContext) -> SluicegateError:
        raise errors.UpstreamUnavailable("away")

    refusal = ("n0", 400, [{"errorCode": "INVALID_FIELD", "message": "No such column"}])

    explained = await failure(composer(FakeGraphs(refusal), explain=explain), [create("n0")])
    plain = await failure(composer(FakeGraphs(refusal), explain=fail), [create("n0")])

    assert "node 'n0': no field 'Nmae'; did you mean 'Name'?; nothing was written" == explained.message
    assert "node 'n0': No such column; nothing was written" == plain.message


async def test_an_error_with_arguments_of_its_own_is_told():
    """Classes of errors that take more than a text are told like others."""
    body = [{"errorCode": "MALFORMED_QUERY", "message": "ERROR at Row:1:Column:8\nwrong"}]

    error = await failure(composer(FakeGraphs(("n0", 400, body))), [create("n0")])

    assert isinstance(error, errors.MalformedQuery)
    assert ("n0", "8") == (error.metadata["node"], error.metadata["column"])


@pytest.mark.parametrize("locks", range(1, 5))
async def test_a_locked_graph_is_sent_again(locks):
    """Nothing was written, so the whole graph goes again even if it creates, after growing pauses."""
    clock, graphs = FakeClock(), FakeGraphs(*[("n1", 400, LOCKED)] * locks)

    saved = await composer(graphs).compose([create("n0"), create("n1")], DEFAULT_OPTIONS, call(clock))

    assert [["n0", "n1"]] * (locks + 1) == graphs.sent
    assert [0.5, 1.0, 2.0, 4.0][:locks] == clock.sleeps
    assert 2 == len(saved)


async def test_locks_that_stay_are_told():
    """After five attempts the caller is told of the lock and when to come back."""
    graphs = FakeGraphs(*[("n0", 400, LOCKED)] * 9)

    error = await failure(composer(graphs), [create("n0")])

    assert isinstance(error, errors.RowLocked)
    assert error.message.startswith("node 'n0': ")
    assert error.retry_after_seconds is not None
    assert 5 == len(graphs.sent)


async def test_no_pause_passes_the_deadline():
    """A graph whose next attempt would come after the caller gave up is answered at once."""
    clock, graphs = FakeClock(), FakeGraphs(*[("n0", 400, LOCKED)] * 9)

    error = await failure(composer(graphs), [create("n0")], call(clock, deadline=clock.monotonic() + 2.0))

    assert isinstance(error, errors.RowLocked)
    assert [0.5, 1.0] == clock.sleeps


async def test_pauses_have_full_jitter():
    """Graphs that met each other do not meet again: the pause is anything up to its bound."""
    clock, graphs = FakeClock(), FakeGraphs(*[("n0", 400, LOCKED)] * 2)

    await composer(graphs, jitter=0.25).compose([create("n0")], DEFAULT_OPTIONS, call(clock))

    assert [0.125, 0.25] == clock.sleeps


async def test_a_record_that_is_gone_is_deleted():
    """A deletion that finds nothing counts as done, and the rest of the graph is carried out without it."""
    missing = [{"errorCode": "NOT_FOUND", "message": "x"}]
    by_key = Node("k9", Write(Operation.DELETE, "Account", key=ExternalKey("Ext__c", "7")))
    graphs = FakeGraphs(("d1", 404, GONE), ("k9", 404, missing))

    saved = await composer(graphs).compose(
        [create("n0"), delete(1), by_key, delete(2)], DEFAULT_OPTIONS, call(FakeClock())
    )

    assert [["n0", "d1", "k9", "d2"], ["n0", "k9", "d2"], ["n0", "d2"]] == graphs.sent
    assert [
        Saved(record_id(0), created=True),
        Saved(record_id(1), already_deleted=True),
        Saved("", already_deleted=True),
        Saved(record_id(2)),
    ] == saved


async def test_nothing_left_to_delete():
    """A graph of deletions that are all done asks no more than once for each."""
    graphs = FakeGraphs(("d0", 404, GONE), ("d1", 404, GONE))

    saved = await composer(graphs).compose([delete(0), delete(1)], DEFAULT_OPTIONS, call(FakeClock()))

    assert 2 == len(graphs.sent)
    assert [True, True] == [record.already_deleted for record in saved]


async def test_many_that_are_gone_are_told():
    """Each deletion that is done costs a call, so after ten of them the graph fails."""
    graphs = FakeGraphs(*[(f"d{n}", 404, GONE) for n in range(20)])

    error = await failure(composer(graphs), [delete(n) for n in range(20)])

    assert isinstance(error, errors.RecordDeleted)
    assert ("d10", 11) == (error.metadata["node"], len(graphs.sent))


async def test_an_update_of_a_record_that_is_gone_fails():
    """Only a deletion is done when its record is gone."""
    node = Node("n0", Write(Operation.UPDATE, "Account", {"Name": "x"}, record_id=record_id(0)))

    error = await failure(composer(FakeGraphs(("n0", 404, GONE))), [node])

    assert isinstance(error, errors.RecordDeleted)


async def test_a_refused_call_is_no_node_s_fault():
    """A call that Salesforce refuses as a whole is told as it is."""
    transport = ScriptedTransport(fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))

    error = await failure(composer(transport), [create("n0")])

    assert isinstance(error, errors.DailyLimitExceeded)
    assert "node" not in error.metadata
