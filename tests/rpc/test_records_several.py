"""ApplyRecords over a real channel."""

import random

import pytest
from google.protobuf.duration_pb2 import Duration
from sluicegate.v1 import error_reason_pb2 as reasons
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_operation_pb2 import RecordOperation, RecordResult, RecordUpsert, WriteOptions
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, CreateRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.disturbances import Disturbances, Page
from service.emulator.effects import Delay
from service.emulator.org import Org
from tests.support.record_messages import (
    NULL,
    by_id,
    by_key,
    create,
    delete,
    key,
    parent,
    refused,
    text,
    update,
    upsert,
    upsert_only_updating,
)

LEAD = {"LastName": text("Curie"), "Company": text("Radium")}


@pytest.fixture
def apply(channel):
    """Carries out operations."""
    stub = RecordServiceStub(channel)

    async def carry_out(*operations: RecordOperation, options: WriteOptions | None = None) -> list[RecordResult]:
        response = await stub.ApplyRecords(ApplyRecordsRequest(operations=operations, options=options))
        return list(response.results)

    return carry_out


def outcome(result: RecordResult) -> str:
    """Return `saved`, or the reason of an error."""
    if result.WhichOneof("outcome") == "saved":
        return "saved"
    return reasons.ErrorReason.Name(result.error.reason).removeprefix("ERROR_REASON_")


def leads(org: Org, company: str) -> dict[object, object]:
    """Return the external ids and names of a company's leads."""
    rows = org.query(f"SELECT Ext__c, LastName FROM Lead WHERE Company = '{company}'").rows
    return {row["Ext__c"]: row["LastName"] for row in rows}


async def test_every_kind_of_operation_at_once(apply, org, unique):
    """Operations of all kinds on several objects, by id and by external id, with bad ones between: each its own."""
    saved = await apply(
        *(upsert("Lead", unique(name), **LEAD) for name in "abcd"),
        create("Account", Name=text("Acme"), Ext__c=text(unique("acme"))),
        create("Account", Name=text("Gone")),
    )
    a, b, c, d, _, gone = (result.saved.record_id for result in saved)

    results = await apply(
        create("Lead", **LEAD, Ext__c=text(unique("new"))),
        update(by_id("lead", a[:15]), LastName=text("A2")),
        create("Lead", Company=text("R")),
        update(by_key("Lead", unique("b")), LastName=text("B2"), City=NULL),
        upsert("Lead", unique("e"), **LEAD),
        update(by_id("Lead", "00Q000000000001"), City=text("Rome")),
        upsert("Lead", unique("c"), LastName=text("C2"), Company=text("R2")),
        upsert_only_updating("Lead", unique("none"), **LEAD),
        upsert_only_updating("Lead", unique("d"), LastName=text("D2")),
        create("Contact", LastName=text("C"), Account=parent(unique("acme"))),
        create("Contact", LastName=text("C"), Account=parent(unique("none"))),
        delete(by_id("Account", gone)),
        delete(by_key("Lead", unique("none"))),
        delete(by_id("Leed", a)),
        create("Lead", LastName=FieldValue(node_value="n"), Company=text("R")),
        RecordOperation(upsert=RecordUpsert(object="Lead", external_id=key("x", "Id"))),
    )

    assert [
        *("saved", "saved", "REQUIRED_FIELD_MISSING", "saved", "saved", "RECORD_NOT_FOUND", "saved"),
        *("RECORD_NOT_FOUND", "saved", "saved", "INVALID_REFERENCE", "saved", "saved", "UNKNOWN_OBJECT"),
        *("INVALID_FIELD_VALUE", "INVALID_REQUEST"),
    ] == [outcome(result) for result in results]
    assert [True, False, False, True, False, False, True] == [
        results[index].saved.created for index in (0, 1, 3, 4, 6, 8, 9)
    ]
    assert [a, b, c, d] == [results[index].saved.record_id for index in (1, 3, 6, 8)]
    assert [(gone, False), ("", True)] == [
        (result.saved.record_id, result.saved.already_deleted) for result in results[11:13]
    ]
    assert ["LastName"] == list(results[2].error.fields)
    assert ["LastName"] == list(results[14].error.fields)
    names = {unique("new"): "Curie", unique("a"): "A2", unique("b"): "B2", unique("e"): "Curie", unique("d"): "D2"}
    assert names == {ext: name for ext, name in leads(org, "Radium").items() if ext in names}
    assert {unique("c"): "C2"} == leads(org, "R2")


@pytest.mark.parametrize("size", [1, 200, 201, 2000])
async def test_any_size_is_answered_by_index(apply, org, unique, size):
    """However many calls it takes, the answer at an index is that of the operation there."""
    rng = random.Random(size)
    bad = {index for index in range(size) if rng.random() < 0.02} | {size // 2}
    company = unique(f"Company {size}")
    operations = [
        create("Lead", Company=text(company), Ext__c=text(unique(f"{size}-{index}")), LastName=text(f"N{index}"))
        for index in range(size)
    ]
    for index in bad:
        operations[index].create.fields["Email"].string_value = "nobody"

    results = await apply(*operations)

    assert ["INVALID_FIELD_VALUE" if index in bad else "saved" for index in range(size)] == [*map(outcome, results)]
    found = {
        row["Id"]: row["LastName"]
        for row in org.query(f"SELECT Id, LastName FROM Lead WHERE Company = '{company}'").rows
    }
    assert {results[index].saved.record_id: f"N{index}" for index in range(size) if index not in bad} == found


async def test_writes_of_one_record_keep_their_order(apply, org, unique):
    """Of many writes of one record the last one stands, however the external id is spelled; each has its answer."""
    spellings = [unique("one"), unique("ONE"), unique("One")]
    operations = [
        upsert("Lead", spellings[index % 3], LastName=text(f"N{index}"), Company=text(unique("one")))
        for index in range(60)
    ]

    results = await apply(*operations)

    assert ["saved"] * 60 == [outcome(result) for result in results]
    assert [True] + [False] * 59 == [result.saved.created for result in results]
    assert 1 == len({result.saved.record_id for result in results})
    assert ["N59"] == list(leads(org, unique("one")).values())


async def test_a_record_is_deleted_twice(apply, unique):
    """The second deletion finds nothing left to delete."""
    (saved,) = await apply(upsert("Lead", unique("L"), **LEAD))
    record = by_id("Lead", saved.saved.record_id)

    results = await apply(delete(record), delete(record), delete(by_key("Lead", unique("L"))))

    assert [False, True, True] == [result.saved.already_deleted for result in results]


async def test_a_locked_row_is_tried_again(apply, disturbances: Disturbances, unique):
    """Rows that another transaction holds are sent again; their neighbours are not."""
    disturbances.lock_rows(3, skip=2)

    results = await apply(*(create("Lead", **LEAD, Ext__c=text(unique(f"L{number}"))) for number in range(10)))

    assert ["saved"] * 10 == [outcome(result) for result in results]
    assert 10 == len({result.saved.record_id for result in results})


async def test_no_row_is_written_twice(apply, org, disturbances: Disturbances, unique):
    """Locks, also those buried in a trigger's text, cost repeats of the rows that met them and of no others."""
    disturbances.lock_rows(5, skip=3, in_trigger=True)
    company = unique("Once")

    results = await apply(
        *(upsert("Lead", unique(f"K{number}"), LastName=text("C"), Company=text(company)) for number in range(20))
    )

    assert ["saved"] * 20 == [outcome(result) for result in results]
    assert 20 == len(leads(org, company))
    keys = {unique(f"K{number}") for number in range(20)}
    writes = org.writes.by_key("Lead", "Ext__c")
    assert dict.fromkeys(keys, 1) == {ext: writes[ext] for ext in keys}


async def test_an_outage_is_each_rows_error(apply, disturbances: Disturbances, unique):
    """The call succeeds whatever became of its operations, and says of each what did."""
    disturbances.add(Page(503), path="/composite", times=None)

    results = await apply(
        upsert("Lead", unique("L"), **LEAD), create("Lead", Company=text("R")), delete(by_key("Lead", unique("M")))
    )

    assert ["UPSTREAM_UNAVAILABLE", "REQUIRED_FIELD_MISSING", "UPSTREAM_UNAVAILABLE"] == [
        outcome(result) for result in results
    ]


async def test_a_creation_that_may_have_been_carried_out(apply, org, disturbances: Disturbances, unique):
    """A lost answer makes the outcome of creations unknown; updates are repeated."""
    (saved,) = await apply(upsert("Lead", unique("L"), **LEAD))
    disturbances.add(Page(502), method="POST", path="/composite", times=1)

    results = await apply(
        create("Lead", **LEAD, Ext__c=text(unique("new"))), update(by_id("Lead", saved.saved.record_id), City=text("R"))
    )

    assert ["OUTCOME_UNKNOWN", "saved"] == [outcome(result) for result in results]


async def test_errors_say_what_single_calls_say(apply, channel, unique):
    """A row's error has the reason, the fields and Salesforce's code, and repeats no value."""
    (result,) = await apply(create("Lead", **LEAD, Email=text("canary-4711")))

    assert ("INVALID_FIELD_VALUE", ["Email"], "INVALID_EMAIL_ADDRESS") == (
        outcome(result),
        list(result.error.fields),
        result.error.salesforce_code,
    )
    assert "canary-4711" not in str(result)


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (ApplyRecordsRequest(), "INVALID_ARGUMENT", "operations"),
        (ApplyRecordsRequest(operations=[RecordOperation()]), "INVALID_ARGUMENT", "operations[0].operation"),
        (
            ApplyRecordsRequest(operations=[create("Lead"), delete(RecordRef(object="L ead", id="00Q000000000001"))]),
            "INVALID_ARGUMENT",
            "operations[1].delete.record.object",
        ),
        (
            ApplyRecordsRequest(operations=[create("Lead")] * 2001),
            "INVALID_ARGUMENT",
            "operations",
        ),
        (ApplyRecordsRequest(org="prd", operations=[create("Lead")]), "NOT_FOUND", "org"),
        (
            ApplyRecordsRequest(operations=[create("Lead")], options=WriteOptions(max_wait=Duration(seconds=61))),
            "INVALID_ARGUMENT",
            "options.max_wait",
        ),
        (
            ApplyRecordsRequest(
                operations=[create("Lead")], options=WriteOptions(assignment_rule_id="01Q000000000001ZZZ")
            ),
            "INVALID_ARGUMENT",
            "options.assignment_rule_id",
        ),
    ],
)
async def test_a_call_that_says_nothing_to_do(channel, request_, code, field):
    """Only what is wrong with the request as a whole fails the call, before anything was tried."""
    error = await refused(RecordServiceStub(channel).ApplyRecords(request_))

    assert (code, [field]) == (error.code, list(error.violations))


async def test_users_do_not_share_a_call_with_other_records(apply, org, unique):
    """Salesforce refuses objects that configure the org beside others in one transaction."""
    like = ("Alias", "Email", "EmailEncodingKey", "LanguageLocaleKey", "LocaleSidKey", "ProfileId", "TimeZoneSidKey")
    fields = {name: text(str(value)) for name, value in org.get("User", org.admin_id, like).items() if name in like}
    user = {**fields, "LastName": text("U"), "Username": text(f"{unique('u')}@acme.example")}

    results = await apply(create("Lead", **LEAD), create("User", **user), create("Account", Name=text("Acme")))

    assert ["saved"] * 3 == [outcome(result) for result in results]


async def test_operations_of_any_kinds_on_one_record_keep_their_order(apply, org, unique):
    """Each finds what the ones before it left, though every kind travels in calls of its own."""
    key_of = [f"{unique('key')}-{number}" for number in range(10)]
    operations = [
        operation
        for name in key_of
        for operation in (
            upsert("Lead", name, **LEAD),
            upsert_only_updating("Lead", name, Title=text("Professor")),
            delete(by_key("Lead", name)),
            upsert("Lead", name.upper(), LastName=text("Meitner"), Company=text("KWI")),
        )
    ]

    results = await apply(*operations)

    assert ["saved"] * 40 == [outcome(result) for result in results]
    assert [(True, False), (False, False), (False, False), (True, False)] * 10 == [
        (result.saved.created, result.saved.already_deleted) for result in results
    ]


@pytest.mark.parametrize(
    ("sobject", "fields", "name"),
    [
        ("Event", {"DurationInMinutes": text("5"), "activitydatetime": text("2026-03-01")}, "activitydatetime"),
        ("Contact", {"LastName": text("Curie"), "account": parent("nobody's")}, "account"),
    ],
)
async def test_a_refusal_by_salesforce_names_the_field_where_the_caller_gave_it(apply, channel, sobject, fields, name):
    """Alone as among others: whether Salesforce names no field, or a lookup in its own spelling."""
    operation = create(sobject, **fields)

    several = await apply(operation, create("Lead", **LEAD))
    alone = await refused(
        RecordServiceStub(channel).CreateRecord(CreateRecordRequest(object=sobject, fields=operation.create.fields))
    )

    assert [name] == several[0].error.fields
    assert [f"fields.{name}"] == list(alone.violations)


async def test_what_is_known_at_the_deadline_is_told(channel, org, disturbances: Disturbances, unique):
    """A call of whose operations some take longer than it has is answered: each operation says how it stands."""
    disturbances.add(Delay(300), method="POST", path="/composite/sobjects", times=None)
    operations = [
        create("Lead", **{**LEAD, "Company": text(unique("created"))}),
        upsert("Lead", unique("k"), **{**LEAD, "Company": text(unique("upserted"))}),
        delete(by_key("Lead", unique("nobody"))),
    ]

    response = await RecordServiceStub(channel).ApplyRecords(ApplyRecordsRequest(operations=operations), timeout=3)

    assert ["OUTCOME_UNKNOWN", "saved"] == [outcome(result) for result in response.results[:2]]
    assert outcome(response.results[2]) != "OUTCOME_UNKNOWN"
    assert [unique("k")] == list(leads(org, unique("upserted")))
