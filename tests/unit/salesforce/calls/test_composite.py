"""Composite calls and graphs, as requests and as outcomes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.salesforce.calls import composite
from service.salesforce.calls.composite import Node, NodeFailure
from service.salesforce.calls.writes import (
    DEFAULT_OPTIONS,
    ExternalKey,
    JsonValue,
    NodeId,
    Operation,
    Saved,
    Write,
    WriteOptions,
)
from service.salesforce.transport.base import Request, Response
from tests.support.transport import answer, fault

BASE = "/services/data/v66.0"
ID = "001000000000001AAA"
OTHER = "001000000000002AAA"
HALTED = {
    "errorCode": "PROCESSING_HALTED",
    "message": "The transaction was rolled back since another operation in the same transaction failed.",
}


def create(name: str, **values: JsonValue) -> Node:
    """Return a node that creates an account."""
    return Node(name, Write(Operation.CREATE, "Account", values))


def upsert(name: str, value: str) -> Node:
    """Return a node that upserts an account."""
    return Node(name, Write(Operation.UPSERT, "Account", {"Name": "x"}, key=ExternalKey("Ext__c", value)))


def result(name: str, status: int, body: Any = None) -> dict[str, Any]:
    """Return the answer to one subrequest."""
    return {"referenceId": name, "httpStatusCode": status, "httpHeaders": {}, "body": body}


def created(name: str, record_id: str = ID) -> dict[str, Any]:
    """Return the answer to a subrequest that created a record."""
    return result(name, 201, {"id": record_id, "success": True, "errors": []})


def composed(*results: dict[str, Any]) -> Response:
    """Return the answer to a composite call."""
    return answer(200, {"compositeResponse": list(results)})


def graphed(*results: dict[str, Any], successful: bool = True) -> Response:
    """Return the answer to a graph."""
    response = {"compositeResponse": list(results)}
    return answer(200, {"graphs": [{"graphId": "1", "graphResponse": response, "isSuccessful": successful}]})


ANSWERS = pytest.mark.parametrize("answered", [composed, graphed])


def document_of(request: Request) -> Any:
    """Return a request's body as JSON."""
    assert isinstance(request.body, bytes)
    return orjson.loads(request.body)


def subrequests(nodes: Sequence[Node], options: WriteOptions = DEFAULT_OPTIONS) -> list[dict[str, Any]]:
    """Return the subrequests of a composite call as JSON."""
    found: list[dict[str, Any]] = document_of(composite.composite(BASE, nodes, options))["compositeRequest"]
    return found


def test_a_composite_call():
    """Every kind of node is the call it would be alone; the call is all or none, in the order given."""
    key = ExternalKey("Ext__c", "a/b %ü")
    nodes = [
        create("made", Name="x"),
        Node("changed", Write(Operation.UPDATE, "Account", {"Name": "y"}, record_id=ID)),
        Node("found", Write(Operation.UPDATE, "Account", {"Name": "z"}, key=key)),
        Node("either", Write(Operation.UPSERT, "Account", {"ext__c": "a/b %ü", "Name": "z"}, key=key)),
        Node("gone", Write(Operation.DELETE, "Account", record_id=OTHER)),
        Node("lost", Write(Operation.DELETE, "Account", key=key)),
        Node("child", Write(Operation.CREATE, "Contact", {"AccountId": NodeId("made"), "X__c": NodeId("changed")})),
    ]

    request = composite.composite(BASE, nodes, DEFAULT_OPTIONS)

    rows = f"{BASE}/sobjects/Account"
    encoded = "a%2Fb%20%25%C3%BC"
    assert ("POST", f"{BASE}/composite", f"{BASE}/composite") == (request.method, request.path, request.template)
    assert {
        "allOrNone": True,
        "collateSubrequests": False,
        "compositeRequest": [
            {"method": "POST", "url": rows, "referenceId": "made", "body": {"Name": "x"}},
            {"method": "PATCH", "url": f"{rows}/{ID}", "referenceId": "changed", "body": {"Name": "y"}},
            {
                "method": "PATCH",
                "url": f"{rows}/Ext__c/{encoded}?updateOnly=true",
                "referenceId": "found",
                "body": {"Name": "z"},
            },
            {"method": "PATCH", "url": f"{rows}/Ext__c/{encoded}", "referenceId": "either", "body": {"Name": "z"}},
            {"method": "DELETE", "url": f"{rows}/{OTHER}", "referenceId": "gone"},
            {"method": "DELETE", "url": f"{rows}/Ext__c/{encoded}", "referenceId": "lost"},
            {
                "method": "POST",
                "url": f"{BASE}/sobjects/Contact",
                "referenceId": "child",
                "body": {"AccountId": "@{made.id}", "X__c": ID},
            },
        ],
    } == document_of(request)


def test_a_graph_holds_the_same_subrequests():
    """A graph is another envelope around the subrequests of a composite call."""
    nodes = [create("a", Name="x"), create("b", ParentId=NodeId("a"))]

    request = composite.graph(BASE, nodes, DEFAULT_OPTIONS)

    assert (f"{BASE}/composite/graph", "POST") == (request.path, request.method)
    assert {"graphs": [{"graphId": "1", "compositeRequest": subrequests(nodes)}]} == document_of(request)


def test_numbers_keep_their_digits():
    """Decimals are written digit for digit."""
    request = composite.composite(BASE, [create("a", Amount=Decimal("12345678901234567.80"))], DEFAULT_OPTIONS)

    assert b'"Amount":12345678901234567.80}' in request.body  # type: ignore[operator]


def test_options_go_with_every_write():
    """Options are headers of each subrequest that writes values."""
    options = WriteOptions(allow_duplicates=True, assignment="FALSE")
    nodes = [create("a"), upsert("b", "7"), Node("c", Write(Operation.DELETE, "Account", record_id=ID))]

    headers = [subrequest.get("httpHeaders") for subrequest in subrequests(nodes, options)]

    assert [options.headers(), options.headers(), None] == headers


@pytest.mark.parametrize(
    ("nodes", "repeatable"),
    [
        ([upsert("a", "7")], True),
        ([upsert("a", "7"), create("b")], False),
        ([Node(f"d{n}", Write(Operation.DELETE, "Account", record_id=ID)) for n in range(10)], True),
        ([Node(f"d{n}", Write(Operation.DELETE, "Account", record_id=ID)) for n in range(11)], False),
    ],
)
def test_what_may_be_sent_twice(nodes, repeatable):
    """Creations may not, nor more deletions than may turn out to be done."""
    assert (repeatable, repeatable) == (
        composite.composite(BASE, nodes, DEFAULT_OPTIONS).repeatable,
        composite.graph(BASE, nodes, DEFAULT_OPTIONS).repeatable,
    )


@pytest.mark.parametrize(
    "node",
    [create("a", Name="@{b.id}"), upsert("a", "@{b.id}"), create("a", ParentId=NodeId("b")), upsert("a", "..")],
)
@pytest.mark.parametrize("build", [composite.composite, composite.graph])
def test_nothing_is_built_of_what_would_be_misread(node, build):
    """Text that would be taken for a reference, or a path that leads elsewhere, never reaches a call."""
    with pytest.raises(errors.InvalidRequest):
        build(BASE, [node], DEFAULT_OPTIONS)


@ANSWERS
def test_what_was_written(answered):
    """Every node's record is told in the order of the nodes, whatever the order of the answers."""
    nodes = [
        create("a"),
        upsert("b", "7"),
        Node("c", Write(Operation.UPDATE, "Account", {}, record_id=OTHER)),
        Node("d", Write(Operation.DELETE, "Account", record_id=OTHER)),
        Node("e", Write(Operation.DELETE, "Account", key=ExternalKey("Ext__c", "7"))),
    ]
    found = result("b", 200, {"id": OTHER, "success": True, "created": False})
    response = answered(result("c", 204), result("e", 204), found, created("a"), result("d", 204))

    saved = composite.read(response, nodes, org="prod")

    assert [Saved(ID, created=True), Saved(OTHER), Saved(OTHER), Saved(OTHER), Saved("")] == saved


@given(st.integers(2, 30), st.data())
def test_the_failing_node_is_found(count, data):
    """Of all nodes that report a failure the one that was not just rolled back is at fault."""
    failed = data.draw(st.integers(0, count - 1))
    names = [f"n{index}" for index in range(count)]
    own = [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "Required", "fields": ["LastName"]}]
    results = [result(name, 400, own if index == failed else [HALTED]) for index, name in enumerate(names)]

    outcome = composite.read(composed(*results), [create(name) for name in names], org="prod")

    assert isinstance(outcome, NodeFailure)
    assert failed == outcome.index
    assert isinstance(outcome.error, errors.RequiredFieldMissing)
    assert ["fields.LastName"] == [violation.field for violation in outcome.error.violations]


@pytest.mark.parametrize(
    ("status", "body", "kind", "metadata"),
    [
        (300, [f"{BASE}/sobjects/Account/{ID}"], errors.AmbiguousExternalId, {"record_ids": ID}),
        (
            400,
            [{"errorCode": "DUPLICATES_DETECTED", "message": "x", "duplicateResult": {"duplicateRule": "Rule"}}],
            errors.DuplicatesDetected,
            {"duplicate_rule": "Rule"},
        ),
        (400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}], errors.RowLocked, {}),
        (404, [{"errorCode": "NOT_FOUND", "message": "x"}], errors.UnknownObject, {"external_id_field": "Ext__c"}),
        (500, None, errors.UpstreamUnavailable, {"http_status": "500"}),
        (
            400,
            [
                {
                    "errorCode": "PROCESSING_HALTED",
                    "message": "Invalid reference specified. No value for a.id found in a",
                }
            ],
            errors.SalesforceRejected,
            {"salesforce_error_code": "PROCESSING_HALTED"},
        ),
    ],
)
@ANSWERS
def test_what_the_failure_means(answered, status, body, kind, metadata):
    """A node's failure is what the same answer to a call of its own would be."""
    results = [result("a", 400, [HALTED]), result("b", status, body), result("c", 400, [HALTED])]
    nodes = [create("a"), upsert("b", "7"), create("c")]

    outcome = composite.read(answered(*results), nodes, org="prod")

    assert isinstance(outcome, NodeFailure)
    assert (1, kind) == (outcome.index, type(outcome.error))
    assert metadata.items() <= outcome.error.metadata.items()


def test_a_failure_without_a_culprit():
    """Where every node was only rolled back the first stands for all."""
    outcome = composite.read(
        composed(result("a", 400, [HALTED]), result("b", 400, [HALTED])), [create("a"), create("b")], org="prod"
    )

    assert isinstance(outcome, NodeFailure)
    assert (0, errors.SalesforceRejected) == (outcome.index, type(outcome.error))


UNREADABLE = [
    Response(200, {}, b"{"),
    Response(200, {}, b"\xff\xfe"),
    Response(200, {}, b"[" * 100_000),
    answer(200, {}),
    answer(200, {"compositeResponse": None}),
    answer(200, {"graphs": []}),
    composed(),
    composed(created("b")),
    composed(created("a"), created("a")),
    composed(created("a"), created("b")),
    composed(result("a", 201, {"id": "no id", "success": True})),
    composed(result("a", 201)),
]


@pytest.mark.parametrize("response", UNREADABLE)
def test_an_unreadable_success_of_creations(response):
    """What was to be created may have been: the outcome is unknown."""
    with pytest.raises(errors.OutcomeUnknown):
        composite.read(response, [create("a")], org="prod")


@pytest.mark.parametrize("response", UNREADABLE)
def test_an_unreadable_success_of_anything_else(response):
    """What may be repeated is an upstream's fault."""
    with pytest.raises(errors.UpstreamProtocolError):
        composite.read(response, [upsert("a", "7")], org="prod")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), errors.DailyLimitExceeded),
        (fault(400, "JSON_PARSER_ERROR", "x"), errors.InvalidFieldValue),
        (answer(503), errors.UpstreamUnavailable),
        (answer(302), errors.UpstreamUnavailable),
        (answer(402), errors.UpstreamProtocolError),
    ],
)
def test_a_refused_call(response, kind):
    """A call that is refused as a whole fails as such, also for rows."""
    write = Write(Operation.DELETE, "Account", key=ExternalKey("Ext__c", "7"))

    with pytest.raises(kind):
        composite.read(response, [create("a")], org="prod")
    with pytest.raises(kind):
        composite.read_rows(response, [write], org="prod")


ROWS = [
    Write(Operation.UPDATE, "Account", {"Name": "x", "Ext__c": "a"}, key=ExternalKey("Ext__c", "a")),
    Write(Operation.UPDATE, "Account", {"Name": "y"}, key=ExternalKey("Ext__c", "b")),
    Write(Operation.DELETE, "Account", key=ExternalKey("Ext__c", "c")),
    Write(Operation.DELETE, "Account", key=ExternalKey("Ext__c", "d")),
    Write(Operation.UPDATE, "Account", {"Name": "z"}, key=ExternalKey("Ext__c", "e")),
]


def test_rows_are_independent():
    """Updates and deletions by external id travel together, none bound to another, and may be sent twice."""
    request = composite.rows(BASE, ROWS, DEFAULT_OPTIONS)

    document = document_of(request)
    assert (False, False, True) == (document["allOrNone"], document["collateSubrequests"], request.repeatable)
    assert [
        ("PATCH", f"{BASE}/sobjects/Account/Ext__c/a?updateOnly=true", {"Name": "x"}),
        ("PATCH", f"{BASE}/sobjects/Account/Ext__c/b?updateOnly=true", {"Name": "y"}),
        ("DELETE", f"{BASE}/sobjects/Account/Ext__c/c", None),
        ("DELETE", f"{BASE}/sobjects/Account/Ext__c/d", None),
        ("PATCH", f"{BASE}/sobjects/Account/Ext__c/e?updateOnly=true", {"Name": "z"}),
    ] == [(each["method"], each["url"], each.get("body")) for each in document["compositeRequest"]]


def test_each_row_has_its_outcome():
    """One row's failure is a value in its place; a deletion that finds nothing is done, an update is not."""
    missing = [{"errorCode": "NOT_FOUND", "message": "x"}]
    response = composed(
        result("r0", 200, {"id": ID, "success": True, "created": False}),
        result("r1", 404, missing),
        result("r2", 204),
        result("r3", 404, missing),
        result("r4", 400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]),
    )

    outcomes = composite.read_rows(response, ROWS, org="prod")

    assert (Saved(ID), Saved(""), Saved("", already_deleted=True)) == (outcomes[0], outcomes[2], outcomes[3])
    assert isinstance(outcomes[1], errors.RecordNotFound)
    assert {"object": "Account", "external_id_field": "Ext__c"}.items() <= outcomes[1].metadata.items()
    assert isinstance(outcomes[4], errors.RowLocked)


@pytest.mark.parametrize("response", UNREADABLE[:-2])
def test_rows_that_cannot_be_read(response):
    """An answer without an outcome for each row fails the call, which may be repeated."""
    with pytest.raises(errors.UpstreamProtocolError):
        composite.read_rows(response, ROWS[:1], org="prod")
