"""Composite graphs, batches and trees, without a server."""

import pytest

from service.emulator.exchange import OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.routes import collections, composite_tree, limits, query, sobjects
from service.emulator.routes.composite_batch import CompositeBatchRoutes
from service.emulator.routes.composite_graph import CompositeGraphRoutes
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequests
from tests.support.emulation import call

BASE = "/services/data/v66.0"


@pytest.fixture
def send(tenant):
    """Post a body to a resource of the family."""
    router: Router[OrgCall] = Router()
    for family in (CompositeGraphRoutes, CompositeBatchRoutes):
        family(Subrequests(router)).add_to(router)
    for module in (limits, query, collections, composite_tree, sobjects):
        module.add_to(router)

    async def send(path, body):
        return await call(router, tenant, "POST", f"composite/{path}", body=body)

    return send


def count(tenant, sobject="Account") -> int:
    return int(tenant.org.query(f"SELECT COUNT() FROM {sobject}").total_size)


async def refusal(awaitable) -> tuple[int, str]:
    with pytest.raises(SalesforceFault) as caught:
        await awaitable
    return caught.value.http_status, caught.value.error_code


def node(reference_id, body, path="sobjects/Account", method="POST"):
    return {"method": method, "url": f"{BASE}/{path}", "referenceId": reference_id, "body": body}


def graph(graph_id, *nodes):
    return {"graphId": graph_id, "compositeRequest": list(nodes)}


GOOD = graph(
    "good", node("a", {"Name": "Acme"}), node("c", {"LastName": "S", "AccountId": "@{a.id}"}, "sobjects/Contact")
)
BAD = graph("bad", node("a", {"Name": "Zenith"}), node("b", {}), node("c", {"Name": "@{a.id}"}))


async def test_each_graph_is_a_transaction(send, tenant):
    """A failed graph leaves nothing, says so at each node, and does not touch the others."""
    answer = await send("graph", {"graphs": [BAD, GOOD]})

    bad, good = answer.value["graphs"]
    assert answer.status == 200
    assert ("bad", False, "good", True) == (bad["graphId"], bad["isSuccessful"], good["graphId"], good["isSuccessful"])
    results = bad["graphResponse"]["compositeResponse"]
    assert [400, 400, 400] == [result["httpStatusCode"] for result in results]
    codes = [result["body"][0]["errorCode"] for result in results]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert [201, 201] == [each["httpStatusCode"] for each in good["graphResponse"]["compositeResponse"]]
    assert (count(tenant), count(tenant, "Contact")) == (1, 1)


async def test_references_end_at_the_graph(send, tenant):
    """A node of another graph cannot be referred to."""
    other = graph("other", node("x", {"Name": "@{a.id}"}))

    answer = await send("graph", {"graphs": [GOOD, other]})

    results = answer.value["graphs"][1]["graphResponse"]["compositeResponse"]
    assert results[0]["body"][0]["message"].startswith("Invalid reference specified.")
    assert count(tenant) == 1


async def test_after_fourteen_failed_graphs(send, tenant):
    """The fifteenth failure is still tried; what comes after it is halted, good or not."""
    failing = [graph(f"g{n}", node("a", {})) for n in range(14)]
    fine = graph("fine", node("a", {"Name": "x"}))

    kept = await send("graph", {"graphs": [*failing, fine]})
    halted = await send("graph", {"graphs": [*failing, graph("last", node("a", {})), fine]})

    assert kept.value["graphs"][14]["isSuccessful"] is True
    assert halted.value["graphs"][14]["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"] == (
        "REQUIRED_FIELD_MISSING"
    )
    last = halted.value["graphs"][15]
    assert last["isSuccessful"] is False
    assert last["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert count(tenant) == 1


def chain(length):
    first = node("n0", {"Name": "0"})
    return graph("chain", first, *(node(f"n{n}", {"Name": f"@{{n{n - 1}.id}}"}) for n in range(1, length)))


def kinds(number):
    paths = ["Account", "Contact", "Lead", "Case", "Task", "Event", "Opportunity", "Campaign"]
    nodes = [node(f"{m}{p}", {}, f"sobjects/{p}", m) for p in paths for m in ("POST", "PATCH")]
    return graph("kinds", *nodes[:number])


def accounts(number, offset=0):
    return [node(f"n{n}", {"Name": "x"}) for n in range(offset, offset + number)]


@pytest.mark.parametrize(
    ("graphs", "allowed"),
    [
        ([graph(f"g{n}", node("a", {"Name": "x"})) for n in range(75)], True),
        ([graph(f"g{n}", node("a", {"Name": "x"})) for n in range(76)], False),
        ([graph("a", *accounts(250)), graph("b", *accounts(250))], True),
        ([graph("a", *accounts(250)), graph("b", *accounts(251))], False),
        ([chain(15)], True),
        ([chain(16)], False),
        ([kinds(15)], True),
        ([kinds(16)], False),
        ([GOOD, GOOD], False),
        ([graph("a", node("x", {}), node("x", {}))], False),
        ([graph("a")], False),
        ([{"compositeRequest": [node("x", {})]}], False),
        (["x"], False),
        ([], False),
    ],
)
async def test_limits_of_graphs(send, tenant, graphs, allowed):
    """75 graphs, 500 nodes, 15 levels and 15 types of node; above that nothing is done."""
    if allowed:
        assert len(graphs) == len((await send("graph", {"graphs": graphs})).value["graphs"])
    else:
        status, code = await refusal(send("graph", {"graphs": graphs}))
        assert (status, code in {"LIMIT_EXCEEDED", "INVALID_INPUT", "JSON_PARSER_ERROR"}) == (400, True)
        assert count(tenant) == 0


async def test_graphs_hold_rows_only(send):
    """A query is no node of a graph."""
    query_node = {"method": "GET", "url": f"{BASE}/query?q=SELECT Id FROM Account", "referenceId": "q"}

    answer = await send("graph", {"graphs": [graph("a", query_node)]})

    assert answer.value["graphs"][0]["isSuccessful"] is False


def entry(method, url, body=None):
    return {"method": method, "url": url} | ({} if body is None else {"richInput": body})


async def test_batch(send, tenant):
    """Subrequests run one after the other, and a failure changes nothing for the others."""
    record_id = tenant.org.create("Account", {"Name": "old"}, user_id=tenant.org.admin_id)
    path = f"v66.0/sobjects/Account/{record_id}"
    entries = [
        entry("PATCH", path, {"Name": "new"}),
        entry("GET", "v66.0/sobjects/Account/001000000000000AAA"),
        entry("GET", f"{path}?fields=Name"),
        entry("GET", "v65.0/limits"),
    ]

    answer = await send("batch", {"batchRequests": entries})

    results = answer.value["results"]
    assert (answer.status, answer.value["hasErrors"]) == (200, True)
    assert [204, 404, 200, 200] == [result["statusCode"] for result in results]
    assert results[0]["result"] is None
    assert results[1]["result"][0]["errorCode"] == "NOT_FOUND"
    assert results[2]["result"]["Name"] == "new"


async def test_a_batch_without_errors(send):
    """`hasErrors` is false when every subrequest went through."""
    answer = await send("batch", {"batchRequests": [entry("GET", "v66.0/limits")]})

    assert answer.value["hasErrors"] is False


async def test_halt_on_error(send, tenant):
    """With haltOnError what follows a failure is not run and answers 412."""
    entries = [entry("POST", "v66.0/sobjects/Account", body) for body in ({"Name": "a"}, {}, {"Name": "b"})]

    answer = await send("batch", {"batchRequests": entries, "haltOnError": True})

    assert [201, 400, 412] == [result["statusCode"] for result in answer.value["results"]]
    assert answer.value["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert count(tenant) == 1


async def test_each_subrequest_of_a_batch_counts(send, tenant):
    """The call pays for its first subrequest, each other one for itself, and one that cannot is refused."""
    requests = tenant.allocation.requests
    entries = [entry("GET", "v66.0/limits")] * 3

    await send("batch", {"batchRequests": entries})
    used = requests.used
    requests.take(requests.remaining - 1)
    answer = await send("batch", {"batchRequests": entries})

    assert used == 2
    assert [200, 200, 403] == [result["statusCode"] for result in answer.value["results"]]
    assert answer.value["results"][2]["result"][0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "url",
    [
        "/services/data/v66.0/nope",
        "limits",
        "v66.0/composite/batch",
        "v66.0/jobs/ingest",
        "v66.0/nope",
        "v1.0/limits",
    ],
)
async def test_a_batch_s_unknown_resources(send, url):
    """A URL starts with the version or is a whole path; composite calls and jobs are not for batches."""
    answer = await send("batch", {"batchRequests": [entry("GET", url)]})

    assert [404] == [result["statusCode"] for result in answer.value["results"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"batchRequests": []},
        {"batchRequests": {}},
        {"batchRequests": [entry("GET", "v66.0/limits")] * 26},
        {"batchRequests": ["x"]},
        {"batchRequests": [{"method": "GET"}]},
        {"batchRequests": [entry("get", "v66.0/limits")]},
        {"batchRequests": [{**entry("GET", "v66.0/limits"), "body": {}}]},
        {"batchRequests": [entry("GET", "v66.0/limits")], "haltOnError": 1},
    ],
)
async def test_refused_batches(send, body):
    """A batch that is not as it has to be is refused as a whole."""
    assert (await refusal(send("batch", body)))[0] == 400


def record(reference_id, sobject="Account", **members):
    return {"attributes": {"type": sobject, "referenceId": reference_id}, **members}


async def test_tree(send, tenant):
    """Children are linked to their parents; results go level by level."""
    contact = record("c1", "Contact", lastname="Smith")
    case = record("k1", "Case", Subject="s")
    tree = [
        record("a1", name="Acme", Contacts={"records": [contact]}, cases={"records": [case]}),
        record("a2", name="Zenith"),
    ]

    answer = await send("tree/Account", {"records": tree})

    assert (answer.status, answer.value["hasErrors"]) == (201, False)
    assert ["a1", "a2", "c1", "k1"] == [result["referenceId"] for result in answer.value["results"]]
    assert {"referenceId", "id"} == set(answer.value["results"][0])
    found = (
        tenant.org.query("SELECT Account.Name FROM Contact").rows
        + tenant.org.query("SELECT Account.Name FROM Case").rows
    )
    assert [row["Account"]["Name"] for row in found] == ["Acme", "Acme"]


async def test_a_tree_is_all_or_nothing(send, tenant):
    """The records refused are named with their errors; nothing stays."""
    bad = [
        record("c1", "Contact", LastName="S", Email="nope"),
        record("c2", "Contact"),
        record("c3", "Contact", LastName="x"),
    ]

    answer = await send("tree/Account", {"records": [record("a1", Name="Acme", Contacts={"records": bad})]})

    assert (answer.status, answer.value["hasErrors"]) == (400, True)
    assert ["c1", "c2"] == [result["referenceId"] for result in answer.value["results"]]
    error = answer.value["results"][0]["errors"][0]
    assert ("INVALID_EMAIL_ADDRESS", ["Email"]) == (error["statusCode"], error["fields"])
    assert count(tenant) == 0


def nested(levels):
    tree = record(f"r{levels}", Name="x")
    for level in range(levels - 1, 0, -1):
        tree = record(f"r{level}", Name="x", ChildAccounts={"records": [tree]})
    return [tree]


@pytest.mark.parametrize(
    "records",
    [
        [record(f"r{n}", Name="x") for n in range(201)],
        nested(6),
        [record("a", Name="x"), record("a", Name="y")],
        [record("a", "Contact", LastName="x")],
        [record("a", Name="x", Contacts={"records": [record("b", Name="y")]})],
        [record("a", "Nope")],
        [{"attributes": {"type": "Account"}, "Name": "x"}],
        [{"Name": "x"}],
        ["x"],
        [],
    ],
)
async def test_refused_trees(send, tenant, records):
    """A tree above its limits, or of records that are not told apart, is refused as a whole."""
    assert (await refusal(send("tree/Account", {"records": records})))[0] == 400
    assert count(tenant) == 0


@pytest.mark.parametrize("records", [[record(f"r{n}", Name="x") for n in range(200)], nested(5)])
async def test_the_largest_trees(send, records):
    """200 records and five levels are allowed."""
    answer = await send("tree/Account", {"records": records})

    assert answer.status == 201


async def test_a_tree_of_an_unknown_object(send):
    """The sObject of the path has to exist."""
    assert (404, "NOT_FOUND") == await refusal(send("tree/Nope", {"records": [record("a")]}))
