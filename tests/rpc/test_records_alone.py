"""Creating, reading, updating and deleting one record over a real channel."""

import pytest
import pytest_asyncio
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.org import Org
from tests.support.record_messages import NULL, by_id, by_key, key, parent, refused, text

ODD_KEYS = (
    *("a/b", "50% off", "dot.json", "plus+plus", "ü 漢字 😀", "a?b#c&d=e", "..x", "it's", 'say "so"', "back\\slash"),
    *("inner  blanks", "@{ref.id}", "<b>&amp;</b>", "line\nbreak", "tab\there"),
)
NO_ID = "00Q000000000001"
NOBODY = by_id("Lead", NO_ID)
DAMAGED = by_id("Lead", "00Q000000000001ZZZ")
NO_KEY = by_key("Lead", "x", "City")
ROME = {"City": text("Rome")}


@pytest.fixture
def stub(channel):
    """The service."""
    return RecordServiceStub(channel)


@pytest_asyncio.fixture(loop_scope="session")
async def lead(stub, unique):
    """The id of a lead that is there, whose Ext__c is `unique("L")`."""
    fields = {
        "LastName": text("Curie"),
        "Company": text("Radium"),
        "City": text("Paris"),
        "Title": text("Dr"),
        "Ext__c": text(unique("L")),
    }
    return (await stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields))).record_id


def stored(org: Org, record_id: str, *fields: str) -> list[object]:
    """Return values of a lead."""
    row = org.get("Lead", record_id, fields)
    return [row[field] for field in fields]


def exists(org: Org, record_id: str) -> bool:
    """Tell whether a lead is there and not deleted."""
    return bool(org.query(f"SELECT Id FROM Lead WHERE Id = '{record_id}'").rows)


async def test_a_record_is_created_each_time(stub, org, unique):
    """A creation never finds a record that is there."""
    fields = {"LastName": text("Curie"), "company": text(unique("Radium"))}
    request = pb.CreateRecordRequest(object="lead", fields=fields)

    first, second = await stub.CreateRecord(request), await stub.CreateRecord(request)

    assert first.record_id != second.record_id
    assert ["Curie", unique("Radium")] == stored(org, second.record_id, "LastName", "Company")


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.CreateRecordRequest(object="Leed"), "UNKNOWN_OBJECT", "object"),
        (
            pb.CreateRecordRequest(object="Lead", fields={"Company": text("R")}),
            "REQUIRED_FIELD_MISSING",
            "fields.LastName",
        ),
        (pb.CreateRecordRequest(object="Account", fields={"Nmae": text("R")}), "UNKNOWN_FIELD", "fields.Nmae"),
        (
            pb.CreateRecordRequest(object="Account", fields={"Name": text("R"), "Id": text("001000000000001AAA")}),
            "FIELD_NOT_WRITEABLE",
            "fields.Id",
        ),
        (
            pb.CreateRecordRequest(object="Account", fields={"Name": text("R"), "Site": FieldValue(node_value="n")}),
            "INVALID_FIELD_VALUE",
            "fields.Site",
        ),
        (
            pb.CreateRecordRequest(
                object="Opportunity",
                fields={"Name": text("R"), "StageName": text("New"), "CloseDate": FieldValue(date_value="2026-02-30")},
            ),
            "INVALID_FIELD_VALUE",
            "fields.CloseDate",
        ),
    ],
)
async def test_what_cannot_be_created(stub, request_, reason, field):
    """Each mistake in a new record has its reason and names its field."""
    error = await refused(stub.CreateRecord(request_))

    assert ("INVALID_ARGUMENT", reason) == (error.code, error.reason)
    assert field in error.violations


async def test_a_lookup_that_finds_nothing(stub, unique):
    """A parent that is not there is told, whichever way it was named."""
    by_ext = pb.CreateRecordRequest(object="Contact", fields={"LastName": text("C"), "Account": parent(unique("none"))})
    by_its_id = pb.CreateRecordRequest(
        object="Contact", fields={"LastName": text("C"), "AccountId": text("001000000000009AAA")}
    )

    errors = [await refused(stub.CreateRecord(request)) for request in (by_ext, by_its_id)]

    assert ["INVALID_REFERENCE"] * 2 == [error.reason for error in errors]


async def test_a_value_that_another_record_has(stub, lead, unique):
    """A unique field is told as such, with the record that has the value."""
    fields = {"LastName": text("C"), "Company": text("R"), "Ext__c": text(unique("L"))}

    error = await refused(stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields)))

    assert ("ALREADY_EXISTS", "DUPLICATE_VALUE") == (error.code, error.reason)


async def test_a_record_is_read_by_id_and_by_key(stub, lead, unique):
    """All ways to name a record find the same one; fields come as Salesforce spells them, with the id."""
    ways = [
        by_id("Lead", lead),
        by_id("Lead", lead[:15]),
        by_id("lead", lead.lower()),
        by_key("LEAD", unique("L")),
        by_key("Lead", unique("L").upper(), "ext__C"),
        RecordRef(object="Lead", external_id=key(lead, "Id")),
    ]

    records = [
        (await stub.GetRecord(pb.GetRecordRequest(record=way, fields=["lastname", "CITY"]))).record for way in ways
    ]

    expected = {"Id": text(lead), "LastName": text("Curie"), "City": text("Paris")}
    assert [("Lead", lead, expected)] * len(ways) == [
        (record.object, record.record_id, dict(record.fields)) for record in records
    ]


async def test_all_fields_are_read(stub, lead):
    """Without names every field comes; those that are null say so, and compound ones are left out."""
    record = (await stub.GetRecord(pb.GetRecordRequest(record=by_id("Lead", lead)))).record

    assert (text("Radium"), NULL) == (record.fields["Company"], record.fields["Phone"])
    assert "Address" not in record.fields
    assert "attributes" not in record.fields


@pytest.mark.parametrize(
    ("request_", "code", "reason", "field"),
    [
        (pb.GetRecordRequest(record=by_id("Leed", NO_ID)), "INVALID_ARGUMENT", "UNKNOWN_OBJECT", "record.object"),
        (pb.GetRecordRequest(record=NOBODY, fields=["Id", "Nmae"]), "INVALID_ARGUMENT", "UNKNOWN_FIELD", "fields[1]"),
        (pb.GetRecordRequest(record=NO_KEY), "INVALID_ARGUMENT", "UNKNOWN_FIELD", "record.external_id.field"),
        (pb.GetRecordRequest(record=DAMAGED), "INVALID_ARGUMENT", "INVALID_REQUEST", "record.id"),
        (
            pb.GetRecordRequest(record=by_key("Lead", "x", "Id")),
            "INVALID_ARGUMENT",
            "INVALID_REQUEST",
            "record.external_id.value",
        ),
        (pb.GetRecordRequest(record=RecordRef(object="Lead")), "INVALID_ARGUMENT", "INVALID_REQUEST", "record.key"),
        (pb.GetRecordRequest(org="prd", record=by_key("Lead", "x")), "NOT_FOUND", "UNKNOWN_ORG", "org"),
    ],
)
async def test_what_cannot_be_read(stub, request_, code, reason, field):
    """A record that cannot be named, and a field that is not there, are told under their paths."""
    error = await refused(stub.GetRecord(request_))

    assert (code, reason) == (error.code, error.reason)
    assert [field] == list(error.violations)


@pytest.mark.parametrize("record", [NOBODY, by_key("Lead", "no such key")])
async def test_a_record_that_is_not_there(stub, record):
    """Reading and updating what is not there is NOT_FOUND, by id and by external id, with the sObject and the key."""
    request = pb.UpdateRecordRequest(record=record, fields={"City": text("Rome")})
    fact = "id" if record.WhichOneof("key") == "id" else "external_id_field"

    for error in (
        await refused(stub.GetRecord(pb.GetRecordRequest(record=record))),
        await refused(stub.UpdateRecord(request)),
    ):
        assert ("NOT_FOUND", "RECORD_NOT_FOUND", "Lead") == (error.code, error.reason, error.resource_type)
        assert "Lead" == error.metadata["object"]
        assert error.metadata[fact]


async def test_a_record_is_updated(stub, org, lead, unique):
    """By id and by external id, null writes null and what is absent stays."""
    by_its_id = pb.UpdateRecordRequest(record=by_id("Lead", lead[:15]), fields={"Title": NULL, "City": text("Rome")})
    by_ext = pb.UpdateRecordRequest(record=by_key("lead", unique("L")), fields={"City": NULL, "Phone": text("1")})

    first = await stub.UpdateRecord(by_its_id)
    after_first = stored(org, lead, "Title", "City", "Company")
    second = await stub.UpdateRecord(by_ext)

    assert [lead, lead] == [first.record_id, second.record_id]
    assert [None, "Rome", "Radium"] == after_first
    assert [None, None, "1", "Radium"] == stored(org, lead, "Title", "City", "Phone", "Company")


@pytest.mark.parametrize("value", ODD_KEYS)
async def test_any_external_id_finds_its_record(stub, org, unique, value):
    """An external id of any characters finds the same record for every operation."""
    fields = {"LastName": text("Curie"), "Company": text("R"), "Ext__c": text(unique(value))}
    record = by_key("Lead", unique(value))
    created = await stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields))

    read = await stub.GetRecord(pb.GetRecordRequest(record=record, fields=["LastName"]))
    updated = await stub.UpdateRecord(pb.UpdateRecordRequest(record=record, fields={"City": text(value)}))
    upserted = await stub.UpsertRecord(
        pb.UpsertRecordRequest(object="Lead", external_id=record.external_id, fields={"Title": text("Dr"), **fields})
    )
    again = await stub.UpsertRecord(
        pb.UpsertRecordRequest(
            object="Lead", external_id=record.external_id, fields={"Phone": text("1")}, update_only=True
        )
    )
    values = stored(org, created.record_id, "City", "Title", "Phone")
    deleted = await stub.DeleteRecord(pb.DeleteRecordRequest(record=record))

    ids = {read.record.record_id, updated.record_id, upserted.record_id, again.record_id}
    assert {created.record_id} == ids
    assert [value, "Dr", "1"] == values
    assert not deleted.already_deleted
    assert not exists(org, created.record_id)


@pytest.mark.parametrize("value", [".", ".."])
async def test_a_path_never_leads_elsewhere(stub, value):
    """External ids that are steps within a URL are refused where they would stand in one."""
    record = by_key("Lead", value)

    errors = [
        await refused(stub.UpdateRecord(pb.UpdateRecordRequest(record=record, fields={"City": text("Rome")}))),
        await refused(stub.DeleteRecord(pb.DeleteRecordRequest(record=record))),
        await refused(stub.GetRecord(pb.GetRecordRequest(record=record))),
    ]

    assert [("INVALID_REQUEST", ["record.external_id.value"])] * 3 == [
        (error.reason, list(error.violations)) for error in errors
    ]


async def test_an_update_never_creates(stub, org, lead, unique):
    """Neither UpdateRecord nor an upsert that must not create writes a record that is not there."""
    fields = {"LastName": text("C"), "Company": text("R")}
    nobody = key(unique("nobody"))

    errors = [
        await refused(stub.UpdateRecord(pb.UpdateRecordRequest(record=by_key("Lead", nobody.value), fields=fields))),
        await refused(
            stub.UpsertRecord(
                pb.UpsertRecordRequest(object="Lead", external_id=nobody, fields=fields, update_only=True)
            )
        ),
    ]
    changed = await stub.UpsertRecord(
        pb.UpsertRecordRequest(object="Lead", external_id=key(unique("L")), fields=fields, update_only=True)
    )

    assert ["RECORD_NOT_FOUND"] * 2 == [error.reason for error in errors]
    assert not org.query(f"SELECT Id FROM Lead WHERE Ext__c = '{unique('nobody')}'").rows
    assert (lead, False) == (changed.record_id, changed.created)


async def test_an_upsert_by_the_field_id(stub, org, lead):
    """`Id` finds a record that is there, and creates none."""
    known = pb.UpsertRecordRequest(
        object="Lead", external_id=key(lead[:15], "id"), fields={"City": text("Rome"), "Id": text(lead)}
    )
    unknown = pb.UpsertRecordRequest(
        object="Lead", external_id=key(NO_ID, "Id"), fields={"LastName": text("C"), "Company": text("R")}
    )

    saved = await stub.UpsertRecord(known)
    error = await refused(stub.UpsertRecord(unknown))

    assert (lead, False) == (saved.record_id, saved.created)
    assert ["Rome"] == stored(org, lead, "City")
    assert ("NOT_FOUND", "RECORD_NOT_FOUND") == (error.code, error.reason)


async def test_a_deletion_may_be_repeated(stub, org, lead):
    """The second one finds nothing left to delete, and succeeds."""
    request = pb.DeleteRecordRequest(record=by_id("Lead", lead[:15]))

    first, second = await stub.DeleteRecord(request), await stub.DeleteRecord(request)

    assert [(lead, False), (lead, True)] == [(each.record_id, each.already_deleted) for each in (first, second)]
    assert not exists(org, lead)


async def test_a_deletion_by_external_id_may_be_repeated(stub, org, lead, unique):
    """Salesforce does not tell which record had the external id."""
    request = pb.DeleteRecordRequest(record=by_key("Lead", unique("L")))

    first, second = await stub.DeleteRecord(request), await stub.DeleteRecord(request)

    assert [("", False), ("", True)] == [(each.record_id, each.already_deleted) for each in (first, second)]
    assert not exists(org, lead)


async def test_a_record_that_is_deleted(stub, lead):
    """Updating and reading a record in the recycle bin says so."""
    await stub.DeleteRecord(pb.DeleteRecordRequest(record=by_id("Lead", lead)))

    update = await refused(
        stub.UpdateRecord(pb.UpdateRecordRequest(record=by_id("Lead", lead), fields={"City": text("Rome")}))
    )
    read = await refused(stub.GetRecord(pb.GetRecordRequest(record=by_id("Lead", lead))))

    assert [("NOT_FOUND", "RECORD_DELETED"), ("NOT_FOUND", "RECORD_DELETED")] == [
        (update.code, update.reason),
        (read.code, read.reason),
    ]


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.UpdateRecordRequest(record=by_key("Leed", "x"), fields=ROME), "UNKNOWN_OBJECT", "record.object"),
        (pb.UpdateRecordRequest(record=NO_KEY, fields=ROME), "UNKNOWN_FIELD", "record.external_id.field"),
        (
            pb.UpdateRecordRequest(record=by_key("Lead", "x"), fields={"Ext__c": text("other")}),
            "INVALID_REQUEST",
            "fields.Ext__c",
        ),
        (
            pb.UpdateRecordRequest(record=NOBODY, fields={"LastName": NULL}),
            "REQUIRED_FIELD_MISSING",
            "fields.LastName",
        ),
        (pb.UpdateRecordRequest(record=DAMAGED, fields=ROME), "INVALID_REQUEST", "record.id"),
        (pb.UpdateRecordRequest(record=by_key("Lead", "x")), "INVALID_REQUEST", "fields"),
    ],
)
async def test_what_cannot_be_updated(stub, request_, reason, field):
    """What is wrong with an update is told under the path of its request."""
    error = await refused(stub.UpdateRecord(request_))

    assert ("INVALID_ARGUMENT", reason) == (error.code, error.reason)
    assert [field] == list(error.violations)


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        (by_key("Leed", "x"), "UNKNOWN_OBJECT", "record.object"),
        (NO_KEY, "UNKNOWN_FIELD", "record.external_id.field"),
        (DAMAGED, "INVALID_REQUEST", "record.id"),
    ],
)
async def test_what_cannot_be_deleted(stub, record, reason, field):
    """What is wrong with a deletion is told under the path of its request."""
    error = await refused(stub.DeleteRecord(pb.DeleteRecordRequest(record=record)))

    assert ("INVALID_ARGUMENT", reason) == (error.code, error.reason)
    assert [field] == list(error.violations)


async def test_a_record_of_another_object(stub, org, lead):
    """An id that belongs to another sObject is refused where it stands; above all, no other record is deleted."""
    record = by_id("Contact", lead)
    by_field = by_key("Contact", lead, "Id")
    fields = {"LastName": text("R")}

    errors = [
        await refused(stub.GetRecord(pb.GetRecordRequest(record=record))),
        await refused(stub.UpdateRecord(pb.UpdateRecordRequest(record=record, fields=fields))),
        await refused(stub.DeleteRecord(pb.DeleteRecordRequest(record=record))),
        await refused(stub.DeleteRecord(pb.DeleteRecordRequest(record=by_field))),
        await refused(
            stub.UpsertRecord(pb.UpsertRecordRequest(object="Contact", external_id=by_field.external_id, fields=fields))
        ),
    ]

    assert ["record.id"] * 3 + ["record.external_id.value", "external_id.value"] == [
        path for error in errors for path in error.violations
    ]
    assert {"INVALID_FIELD_VALUE"} == {error.reason for error in errors}
    assert exists(org, lead)
