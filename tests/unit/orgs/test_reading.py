"""Reading one record."""

from decimal import Decimal
from typing import Any

import pytest

from service.errors import (
    AmbiguousExternalId,
    InvalidFieldValue,
    InvalidRequest,
    RecordDeleted,
    RecordNotFound,
    SluicegateError,
    UnknownField,
    UnknownObject,
    UpstreamProtocolError,
)
from service.orgs import reading
from service.orgs.descriptions import Descriptions
from service.orgs.reading import FoundRecord, FoundValue
from service.salesforce.calls.writes import ExternalKey
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Response
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

BASE = "/services/data/v66.0/sobjects/Lead"
RECORD = "00Q000000000001EAA"
FIELDS: list[dict[str, Any]] = [
    {"name": "Id", "type": "id", "idLookup": True},
    {"name": "LastName", "type": "string"},
    {"name": "Active__c", "type": "boolean"},
    {"name": "Staff__c", "type": "int"},
    {"name": "Revenue__c", "type": "currency", "precision": 18},
    {"name": "Address", "type": "address"},
    {"name": "Any__c", "type": "anyType"},
    {"name": "Ext__c", "type": "string", "externalId": True, "idLookup": True},
    {"name": "Number__c", "type": "double", "precision": 18, "externalId": True, "idLookup": True},
]
DESCRIPTION = answer(200, {"name": "Lead", "fields": FIELDS})


async def read(
    transport: ScriptedTransport,
    *fields: str,
    record_id: str = RECORD,
    key: ExternalKey | None = None,
    clock: FakeClock | None = None,
    descriptions: Descriptions | None = None,
) -> FoundRecord:
    """Read a record by id, or by external id where one is given."""
    client = SalesforceClient(transport, org="prod", api_version="66.0")
    known = descriptions or Descriptions(client)
    return await reading.read(client, known, "lead", "" if key else record_id, key, fields, call(clock or FakeClock()))


async def refused(transport: ScriptedTransport, *fields: str, key: ExternalKey | None = None) -> SluicegateError:
    """Return what reading is refused with."""
    with pytest.raises(SluicegateError) as raised:
        await read(transport, *fields, key=key)
    return raised.value


def record(**values: Any) -> Response:
    """Return an answer with a record."""
    return answer(200, {"attributes": {"type": "Lead", "url": f"{BASE}/{RECORD}"}, "Id": RECORD, **values})


async def test_a_record_with_its_types():
    """Each value comes with the type of its field, numbers digit for digit, compound fields not at all."""
    content = (
        f'{{"attributes":{{"type":"Lead"}},"Id":"{RECORD}","LastName":"Curie","Active__c":true,"Staff__c":7,'
        '"Revenue__c":1234567890123456.70,"Address":{"city":"Paris"},"Any__c":null}'
    )
    transport = ScriptedTransport(DESCRIPTION, Response(200, {}, content.encode()))

    found = await read(transport)

    assert ("Lead", RECORD) == (found.sobject, found.record_id)
    assert {
        "Id": FoundValue("id", 0, RECORD),
        "LastName": FoundValue("string", 0, "Curie"),
        "Active__c": FoundValue("boolean", 0, True),
        "Staff__c": FoundValue("int", 0, 7),
        "Revenue__c": FoundValue("currency", 18, Decimal("1234567890123456.70")),
        "Any__c": FoundValue("anyType", 0, None),
    } == found.values
    assert f"{BASE}/{RECORD}" == transport.requests[1].path
    assert "Curie" not in repr(found)


async def test_some_fields():
    """Names go in Salesforce's spelling, each once, with the id; what was not asked for does not come."""
    transport = ScriptedTransport(DESCRIPTION, record(LastName="Curie", Staff__c=7))

    found = await read(transport, "LASTNAME", "lastname", "id")

    assert f"{BASE}/{RECORD}?fields=Id,LastName" == transport.requests[1].path
    assert ["Id", "LastName"] == list(found.values)


async def test_a_record_by_external_id():
    """The external id stands in the path, and the id comes from the answer."""
    transport = ScriptedTransport(DESCRIPTION, record())

    found = await read(transport, "Id", key=ExternalKey("ext__c", "a/1"))

    assert f"{BASE}/ext__c/a%2F1?fields=Id" == transport.requests[1].path
    assert RECORD == found.record_id


async def test_unknown_fields_are_told_before_a_call_is_spent():
    """Each is named by its place, with the name that was meant."""
    transport = ScriptedTransport(DESCRIPTION)

    error = await refused(transport, "Id", "LstName", "Zzz__c")

    assert UnknownField is type(error)
    assert ["fields[1]", "fields[2]"] == [violation.field for violation in error.violations]
    assert {"object": "Lead", "field": "LstName", "nearest": "LastName"} == error.metadata
    assert 1 == len(transport.requests)


async def test_a_compound_field_has_parts():
    """What cannot be returned is refused, not left out in silence."""
    error = await refused(ScriptedTransport(DESCRIPTION), "Address")

    assert InvalidRequest is type(error)
    assert ["fields[0]"] == [violation.field for violation in error.violations]
    assert "Address is a compound field; name its parts" == error.message


@pytest.mark.parametrize(
    ("key", "kind", "path"),
    [
        (ExternalKey("Exd__c", "A"), UnknownField, "external_id.field"),
        (ExternalKey("LastName", "A"), UnknownField, "external_id.field"),
        (ExternalKey("Number__c", "A"), InvalidFieldValue, "external_id.value"),
        (ExternalKey("Ext__c", ".."), InvalidRequest, "external_id.value"),
    ],
)
async def test_a_key_that_finds_nothing(key, kind, path):
    """A field that is no external id is told as such, and not as a record that is not there."""
    transport = ScriptedTransport(DESCRIPTION)

    error = await refused(transport, key=key)

    assert kind is type(error)
    assert [path] == [violation.field for violation in error.violations]
    assert 1 == len(transport.requests)


@pytest.mark.parametrize(
    ("response", "kind", "metadata"),
    [
        (fault(404, "NOT_FOUND"), RecordNotFound, {"object": "Lead", "external_id_field": "Ext__c"}),
        (fault(404, "ENTITY_IS_DELETED"), RecordDeleted, {"object": "Lead"}),
        (answer(300, [f"{BASE}/{RECORD}"]), AmbiguousExternalId, {"record_ids": RECORD}),
    ],
)
async def test_a_record_that_is_not_there(response, kind, metadata):
    """The error says what was looked for."""
    error = await refused(ScriptedTransport(DESCRIPTION, response), key=ExternalKey("Ext__c", "A"))

    assert kind is type(error)
    assert metadata.items() <= error.metadata.items()


async def test_a_record_that_an_id_does_not_find():
    """The id is in the error."""
    error = await refused(ScriptedTransport(DESCRIPTION, fault(404, "NOT_FOUND")))

    assert RecordNotFound is type(error)
    assert {"object": "Lead", "id": RECORD}.items() <= error.metadata.items()


@pytest.mark.parametrize(
    ("response", "kind", "path"),
    [
        (fault(400, "MALFORMED_ID", "Lead ID: id value of incorrect type: X", ["Id"]), InvalidFieldValue, "record.id"),
        (
            fault(400, "INVALID_FIELD", "No such column 'lastname' on sobject of type Lead"),
            UnknownField,
            "fields[1]",
        ),
    ],
)
async def test_a_refusal_names_the_part_of_the_request(response, kind, path):
    """Salesforce's words for writes become places in a request that reads."""
    error = await refused(ScriptedTransport(DESCRIPTION, response), "Staff__c", "LastName")

    assert kind is type(error)
    assert [path] == [violation.field for violation in error.violations]


async def test_an_sobject_that_is_not_there():
    """It is the object that is wrong."""
    error = await refused(ScriptedTransport(fault(404, "NOT_FOUND")))

    assert UnknownObject is type(error)
    assert ["object"] == [violation.field for violation in error.violations]


async def test_a_field_that_was_added_since():
    """What is refused by an older description is looked up once more first."""
    clock = FakeClock()
    added = answer(200, {"name": "Lead", "fields": [*FIELDS, {"name": "New__c", "type": "string"}]})
    transport = ScriptedTransport(DESCRIPTION, record(), added, record(New__c="x"))
    descriptions = Descriptions(SalesforceClient(transport, org="prod", api_version="66.0"))

    await read(transport, clock=clock, descriptions=descriptions)
    clock.advance(61)
    found = await read(transport, "New__c", clock=clock, descriptions=descriptions)

    assert FoundValue("string", 0, "x") == found.values["New__c"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", FoundValue("string", 0, "x")),
        (None, FoundValue("string", 0, None)),
        (True, FoundValue("boolean", 0, True)),
        (7, FoundValue("double", 18, 7)),
        (7.5, FoundValue("double", 18, Decimal("7.5"))),
        ({"city": "Paris"}, None),
    ],
)
async def test_a_field_that_the_description_lacks(value, expected):
    """A whole record may hold what was added since; its type is that of its JSON."""
    found = await read(ScriptedTransport(DESCRIPTION, record(New__c=value)))

    assert expected == found.values.get("New__c")


@pytest.mark.parametrize(("value", "expected"), [(7, "7"), (7.5, "7.5"), (True, "true"), ("x", "x")])
async def test_a_field_of_any_type_is_text(value, expected):
    """What has no type of its own is text to whoever reads it."""
    found = await read(ScriptedTransport(DESCRIPTION, record(Any__c=value)))

    assert FoundValue("anyType", 0, expected) == found.values["Any__c"]


@pytest.mark.parametrize(
    "values",
    [
        {"Active__c": "yes"},
        {"Active__c": 1},
        {"Staff__c": "7"},
        {"Staff__c": True},
        {"LastName": {"a": 1}},
        {"LastName": ["a"]},
        {"Id": "../../evil"},
        {"Id": None},
        {"Id": 7},
    ],
)
async def test_an_answer_that_breaks_its_description(values):
    """Whoever passes a record on relies on its types, so that another one ends here."""
    error = await refused(ScriptedTransport(DESCRIPTION, record(**values)))

    assert UpstreamProtocolError is type(error)
