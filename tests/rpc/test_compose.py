"""ComposeRecords over a real channel."""

import itertools
import random
from collections.abc import Sequence

import pytest
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, RecordReference
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_operation_pb2 import (
    RecordCreate,
    RecordDelete,
    RecordNode,
    RecordOperation,
    RecordUpdate,
    RecordUpsert,
    SavedRecord,
    WriteOptions,
)
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import ComposeRecordsRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.disturbances import Disturbances, Drop, Page
from service.emulator.effects import LockRow
from service.emulator.org import Org
from tests.support.rich_status import Failure, failure


def text(value: str) -> FieldValue:
    """Return a text value."""
    return FieldValue(string_value=value)


def of(node: str) -> FieldValue:
    """Return the id of another node's record."""
    return FieldValue(node_value=node)


def create(name: str, sobject: str, **fields: FieldValue) -> RecordNode:
    """Return a node that creates a record."""
    return RecordNode(name=name, operation=RecordOperation(create=RecordCreate(object=sobject, fields=fields)))


def upsert(name: str, sobject: str, ext: str, *, update_only: bool = False, **fields: FieldValue) -> RecordNode:
    """Return a node that upserts a record by Ext__c."""
    found = RecordUpsert(object=sobject, external_id=key(ext), fields=fields, update_only=update_only)
    return RecordNode(name=name, operation=RecordOperation(upsert=found))


def update(name: str, record: RecordRef, **fields: FieldValue) -> RecordNode:
    """Return a node that updates a record."""
    return RecordNode(name=name, operation=RecordOperation(update=RecordUpdate(record=record, fields=fields)))


def delete(name: str, record: RecordRef) -> RecordNode:
    """Return a node that deletes a record."""
    return RecordNode(name=name, operation=RecordOperation(delete=RecordDelete(record=record)))


def key(ext: str) -> ExternalId:
    """Return an external id."""
    return ExternalId(field="Ext__c", value=ext)


def by_key(sobject: str, ext: str) -> RecordRef:
    """Return a record by external id."""
    return RecordRef(object=sobject, external_id=key(ext))


def by_id(sobject: str, record_id: str) -> RecordRef:
    """Return a record by id."""
    return RecordRef(object=sobject, id=record_id)


async def compose(
    channel: aio.Channel, nodes: Sequence[RecordNode], options: WriteOptions | None = None
) -> list[SavedRecord]:
    """Carry out a graph."""
    request = ComposeRecordsRequest(nodes=nodes, options=options)
    return list((await RecordServiceStub(channel).ComposeRecords(request)).records)


async def refused(channel: aio.Channel, nodes: Sequence[RecordNode]) -> Failure:
    """Carry out a graph and return how it failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await compose(channel, nodes)
    return failure(raised.value)


async def calls_left(channel: aio.Channel) -> int:
    """Return how many API calls are left; asking costs one."""
    limits = (await OrgServiceStub(channel).GetLimits(GetLimitsRequest())).limits.limits
    return next(int(limit.remaining) for limit in limits if limit.name == "DailyApiRequests")


def count(org: Org, sobject: str = "Account") -> int:
    """Return how many records there are."""
    return org.query(f"SELECT COUNT() FROM {sobject}").total_size


def value_of(org: Org, sobject: str, record_id: str, field: str) -> object:
    """Return a value of a record."""
    return org.get(sobject, record_id, [field])[field]


async def test_references_through_three_levels(channel, org, unique):
    """Ids that Salesforce gives while it writes reach the nodes that need them, whatever the order of the request."""
    nodes = [
        create("case", "Case", Subject=text("S"), ContactId=of("contact"), AccountId=of("account")),
        create("contact", "Contact", LastName=text("Curie"), AccountId=of("account"), ReportsToId=of("boss")),
        upsert("account", "Account", unique("A"), Name=text("Radium"), ParentId=of("parent")),
        create("parent", "Account", Name=text("Holding")),
        upsert("boss", "Contact", unique("C"), LastName=text("Becquerel")),
    ]

    case, contact, account, parent, boss = (saved.record_id for saved in await compose(channel, nodes))

    assert (contact, account) == (
        value_of(org, "Case", case, "ContactId"),
        value_of(org, "Case", case, "AccountId"),
    )
    assert (account, boss) == (
        value_of(org, "Contact", contact, "AccountId"),
        value_of(org, "Contact", contact, "ReportsToId"),
    )
    assert parent == value_of(org, "Account", account, "ParentId")


async def test_every_kind_of_node(channel, org, unique):
    """Each kind of operation does in a graph what it does alone, and says so."""
    first = [
        create("a", "Account", Name=text("a")),
        upsert("b", "Account", unique("b"), Name=text("b")),
        upsert("c", "Account", unique("c"), Name=text("c")),
        upsert("d", "Account", unique("d"), Name=text("d")),
        upsert("e", "Account", unique("e"), Name=text("e")),
    ]
    a, b, c, d, e = (saved.record_id for saved in await compose(channel, first))

    saved = await compose(
        channel,
        [
            update("a", by_id("Account", a), Name=text("a2"), ParentId=of("f")),
            update("b", by_key("Account", unique("b")), Name=text("b2"), ParentId=of("a")),
            upsert("c", "account", unique("c"), Name=text("c2"), ParentId=of("b")),
            delete("d", by_id("Account", d)),
            delete("e", by_key("Account", unique("e"))),
            upsert("f", "Account", unique("f"), Name=text("f"), Ext__c=text(unique("f"))),
            upsert("g", "Account", unique("c"), update_only=True, Site=text("g")),
        ],
    )

    f = saved[5].record_id
    assert [a, b, c, d, "", f, c] == [record.record_id for record in saved]
    assert [False] * 5 + [True, False] == [record.created for record in saved]
    assert [("a2", f), ("b2", a), ("c2", b)] == [
        (value_of(org, "Account", each, "Name"), value_of(org, "Account", each, "ParentId")) for each in (a, b, c)
    ]
    deleted = org.query(f"SELECT Id, IsDeleted FROM Account WHERE Id IN ('{d}', '{e}')", include_deleted=True)
    assert [True, True] == [row["IsDeleted"] for row in deleted.rows]


@pytest.mark.parametrize("size", [1, 25, 26, 200, 500])
async def test_any_size_is_one_call(channel, org, unique, size):
    """A graph of any size costs one call, and its answers are in the order of the request."""
    nodes = [create("n0", "Account", Name=text("n0"))]
    nodes += [create(f"n{n}", "Contact", LastName=text(f"n{n}"), AccountId=of("n0")) for n in range(1, size)]
    nodes.reverse()
    # What is needed to know of the two objects is known then.
    await compose(channel, [create("a", "Account", Name=text("x")), create("c", "Contact", LastName=text("x"))])
    before = await calls_left(channel)

    saved = await compose(channel, nodes)

    assert before - 2 == await calls_left(channel)
    account = saved[-1].record_id
    found = org.query(f"SELECT Id, LastName FROM Contact WHERE AccountId = '{account}'").rows
    contacts = {row["Id"]: row["LastName"] for row in found}
    assert [f"n{n}" for n in range(size - 1, 0, -1)] == [contacts[record.record_id] for record in saved[:-1]]
    assert size - 1 == len(contacts)


@pytest.mark.parametrize("seed", range(12))
async def test_a_bad_node_anywhere_undoes_everything(channel, org, unique, seed):
    """Whichever node fails, nothing of the graph stays, and the error names it by its place in the request."""
    choose = random.Random(seed)
    size = choose.choice([2, 5, 25, 26, 60])
    kept = (await compose(channel, [upsert("k", "Account", unique("k"), Name=text("kept"))]))[0].record_id
    nodes = [create("n0", "Account", Name=text("n0"))]
    for n in range(1, size):
        parent = of(f"n{choose.randrange(n)}")
        nodes.append(
            choose.choice(
                [
                    create(f"n{n}", "Account", Name=text(f"n{n}"), ParentId=parent),
                    upsert(f"n{n}", "Account", unique(f"u{n}"), Name=text(f"n{n}"), ParentId=parent),
                ]
            )
        )
    bad = choose.randrange(size)
    # Only Salesforce can tell: the name is taken, and the parent is no account that exists.
    nodes[bad] = create(f"n{bad}", "Account", Name=text("bad"), Ext__c=text(unique("k")))
    nodes.append(update("kept", by_id("Account", kept), Name=text("changed")))
    choose.shuffle(nodes)
    before = count(org)

    error = await refused(channel, nodes)

    index = next(place for place, node in enumerate(nodes) if node.name == f"n{bad}")
    assert ("ALREADY_EXISTS", "DUPLICATE_VALUE") == (error.code, error.reason)
    assert {"node": f"n{bad}", "node_index": str(index), "nodes": str(len(nodes))}.items() <= error.metadata.items()
    assert error.message.startswith(f"node 'n{bad}': ")
    assert error.message.endswith("; nothing was written")
    assert (before, "kept") == (count(org), value_of(org, "Account", kept, "Name"))


@pytest.mark.parametrize("size", [2, 30])
async def test_a_field_at_fault_is_named(channel, size):
    """What Salesforce or the description finds wrong with a field is told under the field's path in the request."""
    nodes = [create(f"n{n}", "Account", Name=text("x")) for n in range(size)]
    wrong = [*nodes, create("bad", "Contact", FirstName=text("Marie"))]
    unknown = [*nodes, create("bad", "Contact", LastName=text("C"), Frstname=text("Marie"))]
    no_lookup = [*nodes, create("bad", "Contact", LastName=of("n0"))]

    errors = [await refused(channel, each) for each in (wrong, unknown, no_lookup)]

    assert ["REQUIRED_FIELD_MISSING", "UNKNOWN_FIELD", "INVALID_FIELD_VALUE"] == [error.reason for error in errors]
    path = f"nodes[{size}].operation.create.fields"
    assert [[f"{path}.LastName"], [f"{path}.Frstname"], [f"{path}.LastName"]] == [
        list(error.violations) for error in errors
    ]
    assert "FirstName" == errors[1].metadata["nearest"]


@pytest.mark.parametrize(
    ("nodes", "path"),
    [
        ([create("a", "Account", Name=text("x")), create("a", "Account", Name=text("y"))], "nodes[1].name"),
        ([create("a", "Account", Name=text("x"), ParentId=of("b"))], "nodes[0].operation.create.fields.ParentId"),
        ([create("a", "Account", Name=text("x"), ParentId=of("a"))], "nodes[0].operation.create.fields.ParentId"),
        ([create("a", "Account", Name=text("@{b.id}"))], "nodes[0].operation.create.fields.Name"),
        ([upsert("a", "Account", "@{b.id}", Name=text("x"))], "nodes[0].operation.upsert.external_id.value"),
        ([update("a", by_key("Account", ".."), Name=text("x"))], "nodes[0].operation.update.record.external_id.value"),
        (
            [upsert("a", "Account", "..", update_only=True, Name=text("x"))],
            "nodes[0].operation.upsert.external_id.value",
        ),
        (
            [
                create(f"n{n}", "Account", Name=text("x"), **({"ParentId": of(f"n{n - 1}")} if 0 < n < 16 else {}))
                for n in range(26)
            ],
            "nodes[15].operation.create.fields.ParentId",
        ),
    ],
)
async def test_what_no_graph_may_be(channel, nodes, path):
    """A graph that Salesforce would refuse or misread is refused by its path before a call is spent on it."""
    before = await calls_left(channel)

    error = await refused(channel, nodes)

    assert before - 1 == await calls_left(channel)
    assert ("INVALID_ARGUMENT", "INVALID_REQUEST", [path]) == (error.code, error.reason, list(error.violations))


@pytest.mark.parametrize("size", [3, 40])
async def test_a_locked_row_is_ridden_out(channel, org, disturbances: Disturbances, size):
    """A graph that met a lock was undone and is sent again, although it creates: nothing is doubled."""
    disturbances.add(LockRow(in_trigger=size > 3), skip=size // 2, times=1)
    before = count(org)

    await compose(channel, [create(f"n{n}", "Account", Name=text("x")) for n in range(size)])

    assert before + size == count(org)


@pytest.mark.parametrize("effect", [Drop(), Drop(after_handling=True), Page(503)])
async def test_a_lost_graph_that_creates(channel, org, disturbances: Disturbances, effect):
    """Whether its records exist cannot be known, and it is not sent again."""
    disturbances.add(effect, path="/composite", times=1)
    before = count(org)

    error = await refused(channel, [create("a", "Account", Name=text("x")), create("b", "Account", Name=text("x"))])

    assert ("ABORTED", "OUTCOME_UNKNOWN") == (error.code, error.reason)
    assert count(org) in {before, before + 2}


@pytest.mark.parametrize("effect", [Drop(), Drop(after_handling=True), Page(503), Page(502)])
@pytest.mark.parametrize("size", [3, 40])
async def test_a_lost_graph_that_creates_nothing_twice(channel, org, unique, disturbances: Disturbances, effect, size):
    """Upserts, updates and a few deletions are sent again unseen, and have the effect of one sending."""
    first = [upsert(f"n{n}", "Account", unique(f"n{n}"), Name=text("x")) for n in range(size)]
    doomed = (await compose(channel, [*first, create("d", "Account", Name=text("d"))]))[-1].record_id
    before = count(org)
    disturbances.add(effect, path="/composite", times=1)

    saved = await compose(
        channel,
        [
            *(upsert(f"n{n}", "Account", unique(f"n{n}"), Name=text("y")) for n in range(size)),
            delete("d", by_id("Account", doomed)),
        ],
    )

    assert before - 1 == count(org)
    assert doomed == saved[-1].record_id
    assert ["y"] * size == [value_of(org, "Account", record.record_id, "Name") for record in saved[:-1]]


async def test_deleting_what_is_gone(channel, org, unique):
    """A deletion that finds nothing counts as done, and the rest is written."""
    (gone,) = await compose(channel, [create("a", "Account", Name=text("x"))])
    await compose(channel, [delete("a", by_id("Account", gone.record_id))])

    saved = await compose(
        channel,
        [
            delete("a", by_id("Account", gone.record_id)),
            delete("b", by_key("Account", unique("never"))),
            create("c", "Account", Name=text("new")),
        ],
    )

    assert [True, True, False] == [record.already_deleted for record in saved]
    assert "new" == value_of(org, "Account", saved[2].record_id, "Name")


@pytest.mark.parametrize(
    "value", ["a/b", "50% off", "dot.json", "plus+plus", "ü 漢字 😀", "a?b#c&d=e", "'quoted\\'", "{}"]
)
async def test_an_external_id_holds_any_character(channel, unique, value):
    """What would break a URL is encoded in a graph as well."""
    ext = unique(value)
    made = await compose(channel, [upsert("a", "Account", ext, Name=text("x"))])

    saved = await compose(
        channel,
        [
            update("a", by_key("Account", ext), Name=text("y")),
            create("b", "Contact", LastName=text("z"), Account=FieldValue(reference_value=_reference(ext))),
            delete("c", by_key("Account", unique("nothing" + value))),
        ],
    )

    assert [made[0].record_id, False, True] == [saved[0].record_id, saved[1].already_deleted, saved[2].already_deleted]


def _reference(ext: str) -> RecordReference:
    return RecordReference(external_id=key(ext))


async def test_an_update_never_creates(channel, org, unique):
    """An external id that no record has fails the graph and creates nothing."""
    before = count(org)

    error = await refused(channel, [update("a", by_key("Account", unique("none")), Name=text("x"))])

    assert ("NOT_FOUND", "RECORD_NOT_FOUND") == (error.code, error.reason)
    assert {"object": "Account", "external_id_field": "Ext__c", "node": "a"}.items() <= error.metadata.items()
    assert before == count(org)


async def test_options_hold_in_a_graph(channel, org, unique):
    """A duplicate rule refuses a node by its name, and lets it pass if it is told to."""
    org.duplicate_rules.enable()
    numbers = itertools.count()

    def nodes() -> list[RecordNode]:
        fields = {"LastName": text(unique("Same")), "FirstName": text("M"), "Email": text("m@example.com")}
        return [create(f"n{next(numbers)}", "Contact", **fields)]

    try:
        await compose(channel, nodes(), WriteOptions(allow_duplicates=True))
        error = await refused(channel, nodes())
        saved = await compose(channel, nodes(), WriteOptions(allow_duplicates=True))
    finally:
        org.duplicate_rules.disable()

    assert ("ALREADY_EXISTS", "DUPLICATES_DETECTED") == (error.code, error.reason)
    assert error.metadata["duplicate_rule"]
    assert saved[0].created


async def test_numbers_keep_their_digits(channel, org):
    """A decimal of eighteen digits reaches Salesforce digit for digit through a graph."""
    amount = FieldValue(decimal_value="1234567890123456.78")
    fields = {"Name": text("x"), "StageName": text("Prospecting"), "CloseDate": text("2026-03-01"), "Amount": amount}

    (saved,) = await compose(channel, [create("a", "Opportunity", **fields)])

    assert "1234567890123456.78" == str(value_of(org, "Opportunity", saved.record_id, "Amount"))
