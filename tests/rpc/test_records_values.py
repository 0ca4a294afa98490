"""Values of every type, written and read over a real channel."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from grpc import aio
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.emulator.config import EmulatorConfig
from service.emulator.server import Emulator
from service.emulator.sources import OrgSource
from service.settings import JwtBearerAuth, OrgSettings, WriteSettings
from tests.support.record_messages import NULL, by_id, by_key, create, delete, parent, refused, text, texts
from tests.support.service import free_ports

FIELDS = {
    "Key__c": "<type>Text</type><length>60</length><externalId>true</externalId><unique>true</unique>",
    "Number_Key__c": (
        "<type>Number</type><precision>18</precision><scale>0</scale><externalId>true</externalId><unique>true</unique>"
    ),
    "Text__c": "<type>Text</type><length>255</length>",
    "Long__c": "<type>LongTextArea</type><length>131072</length><visibleLines>3</visibleLines>",
    "Money__c": "<type>Currency</type><precision>18</precision><scale>4</scale>",
    "Whole__c": "<type>Number</type><precision>18</precision><scale>0</scale>",
    "Exact__c": "<type>Number</type><precision>18</precision><scale>6</scale>",
    "Rough__c": "<type>Number</type><precision>12</precision><scale>3</scale>",
    "Share__c": "<type>Percent</type><precision>5</precision><scale>2</scale>",
    "Flag__c": "<type>Checkbox</type><defaultValue>false</defaultValue>",
    "Day__c": "<type>Date</type>",
    "Moment__c": "<type>DateTime</type>",
    "Clock__c": "<type>Time</type>",
    "Mail__c": "<type>Email</type>",
    "Call__c": "<type>Phone</type>",
    "Site__c": "<type>Url</type>",
    "Many__c": (
        "<type>MultiselectPicklist</type><visibleLines>3</visibleLines><valueSet><restricted>true</restricted>"
        "<valueSetDefinition><sorted>false</sorted>"
        + "".join(f"<value><fullName>{value}</fullName><default>false</default></value>" for value in ("A", "B b", "C"))
        + "</valueSetDefinition></valueSet>"
    ),
    "Place__c": "<type>Location</type><scale>6</scale>",
    "Account__c": (
        "<type>Lookup</type><referenceTo>Account</referenceTo><relationshipName>Things</relationshipName>"
        "<deleteConstraint>SetNull</deleteConstraint>"
    ),
}


@pytest.fixture(scope="session")
def schema(tmp_path_factory) -> Path:
    """An object with a field of every type, as its developers keep it."""
    path: Path = tmp_path_factory.mktemp("schema") / "Thing__c.object"
    fields = "".join(
        f"<fields><fullName>{name}</fullName><label>x</label>{rest}</fields>" for name, rest in FIELDS.items()
    )
    path.write_text(
        f"<CustomObject><label>Thing</label><pluralLabel>Things</pluralLabel>{fields}"
        "<nameField><label>Name</label><type>Text</type></nameField></CustomObject>",
        encoding="utf-8",
    )
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def things(schema: Path) -> AsyncIterator[Any]:
    """A service on an org with that object; its org `trusting` looks at no fields before it writes."""
    async with Emulator(EmulatorConfig(source=OrgSource(schema=(schema,)))) as emulator:
        login = emulator.credentials
        auth = JwtBearerAuth(
            flow="jwt_bearer",
            client_id=login.client_id,
            username=login.username,
            private_key_file=login.private_key_file,
        )
        org = OrgSettings(login_url=login.login_url, auth=auth)
        trusting = OrgSettings(login_url=login.login_url, auth=auth, writes=WriteSettings(check_fields=False))
        settings = free_ports(orgs={"checking": org, "trusting": trusting}, default_org="checking")
        async with App(settings) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                yield RecordServiceStub(channel)


async def read_back(stub: Any, org: str = "", **fields: FieldValue) -> dict[str, FieldValue]:
    """Create a record and return those of its fields."""
    created = await stub.CreateRecord(pb.CreateRecordRequest(org=org, object="Thing__c", fields=fields))
    names = [name.replace("__r", "__c") for name in fields]
    read = await stub.GetRecord(pb.GetRecordRequest(org=org, record=by_id("Thing__c", created.record_id), fields=names))
    return {name: read.record.fields[name] for name in names}


@pytest.mark.parametrize("org", ["checking", "trusting"])
@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("Text__c", text("ü 漢字 😀 \"'\\;@{a}"), None),
        ("Long__c", text("line\n" * 2_000 + "end"), None),
        ("Money__c", FieldValue(decimal_value="12345678901234.5678"), None),
        ("Money__c", FieldValue(decimal_value="-0.0001"), None),
        ("Money__c", FieldValue(int64_value=7), FieldValue(decimal_value="7")),
        ("Whole__c", FieldValue(int64_value=999_999_999_999_999_999), FieldValue(decimal_value="999999999999999999")),
        ("Exact__c", FieldValue(decimal_value="123456789012.345678"), None),
        ("Rough__c", FieldValue(double_value=123456.789), None),
        ("Rough__c", FieldValue(decimal_value="123456.789"), FieldValue(double_value=123456.789)),
        ("Share__c", FieldValue(double_value=12.5), None),
        ("Flag__c", FieldValue(bool_value=True), None),
        ("Day__c", FieldValue(date_value="2024-02-29"), None),
        ("Day__c", text("2024-02-29"), FieldValue(date_value="2024-02-29")),
        (
            "Moment__c",
            FieldValue(datetime_value="2026-03-01T12:34:56Z"),
            FieldValue(datetime_value="2026-03-01T12:34:56.000Z"),
        ),
        (
            "Moment__c",
            FieldValue(datetime_value="2026-03-01T12:34:56.000-0930"),
            FieldValue(datetime_value="2026-03-01T22:04:56.000Z"),
        ),
        ("Clock__c", text("13:05:00Z"), text("13:05:00.000Z")),
        ("Mail__c", text("marie@curie.example"), None),
        ("Call__c", text("+33 1 23"), None),
        ("Site__c", text("https://curie.example/a?b=c"), None),
        ("Many__c", texts("A", "C"), None),
        ("Many__c", text("B b"), texts("B b")),
        ("Many__c", texts(), NULL),
        ("Place__Latitude__s", FieldValue(double_value=48.8566), FieldValue(decimal_value="48.8566")),
        *((name, NULL, None) for name in FIELDS if name not in {"Flag__c", "Place__c"}),
    ],
)
async def test_a_value_is_read_as_it_was_written(things, org, name, written, expected):
    """Each type of field takes its kinds of values, and gives them back in the kind that the contract says."""
    found = await read_back(things, org, **{name: written, "Name": text("N")})

    assert (expected or written) == _comparable(found[name], expected or written)


def _comparable(found: FieldValue, expected: FieldValue) -> FieldValue:
    """Return a decimal with the zeros of another: Salesforce does not say how many there are."""
    are_decimals = found.WhichOneof("kind") == expected.WhichOneof("kind") == "decimal_value"
    is_equal = are_decimals and Decimal(found.decimal_value) == Decimal(expected.decimal_value)
    return expected if is_equal else found


async def test_no_digit_is_lost(things):
    """Eighteen digits come back as they were written, wherever the decimal point stands."""
    rng = random.Random(18)
    numbers = {f"n{index}": Decimal(rng.randint(-(10**18) + 1, 10**18 - 1)).scaleb(-4) for index in range(200)}
    operations = [
        create("Thing__c", Name=text("N"), Key__c=text(name), Money__c=FieldValue(decimal_value=format(number, "f")))
        for name, number in numbers.items()
    ]

    results = (await things.ApplyRecords(pb.ApplyRecordsRequest(operations=operations))).results

    found = {}
    for name, result in zip(numbers, results, strict=True):
        record = by_id("Thing__c", result.saved.record_id)
        read = await things.GetRecord(pb.GetRecordRequest(record=record, fields=["Money__c"]))
        found[name] = Decimal(read.record.fields["Money__c"].decimal_value)
    assert numbers == found


@pytest.mark.parametrize("org", ["checking", "trusting"])
async def test_an_external_id_that_is_a_number(things, org):
    """However it is written, a numeric external id finds its record, by each of the operations."""
    value = "999999999999999999" if org == "checking" else "999999999999999998"
    record = by_key("Thing__c", value, "Number_Key__c")
    wanted = pb.UpsertRecordRequest(
        org=org, object="Thing__c", external_id=record.external_id, fields={"Name": text("N")}
    )

    first, second = await things.UpsertRecord(wanted), await things.UpsertRecord(wanted)
    updated = await things.UpdateRecord(pb.UpdateRecordRequest(org=org, record=record, fields={"Text__c": text("x")}))
    read = (await things.GetRecord(pb.GetRecordRequest(org=org, record=record))).record
    deleted = await things.DeleteRecord(pb.DeleteRecordRequest(org=org, record=record))

    assert (True, False, False) == (first.created, second.created, deleted.already_deleted)
    assert {first.record_id} == {second.record_id, updated.record_id, read.record_id}
    assert Decimal(value) == Decimal(read.fields["Number_Key__c"].decimal_value)
    assert text("x") == read.fields["Text__c"]


async def test_a_lookup_by_external_id(things):
    """A reference sets the lookup to the record it finds, and null takes it away."""
    accounts = pb.ApplyRecordsRequest(operations=[create("Account", Name=text("A"), Ext__c=text("things"))])
    account = (await things.ApplyRecords(accounts)).results[0].saved.record_id

    found = await read_back(things, Name=text("N"), Account__r=parent("things"))
    cleared = await read_back(things, Name=text("N"), Account__c=NULL)

    assert text(account) == found["Account__c"]
    assert NULL == cleared["Account__c"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Money__c", text("much")),
        ("Whole__c", FieldValue(double_value=float("inf"))),
        ("Flag__c", text("perhaps")),
        ("Day__c", FieldValue(date_value="2026-02-30")),
        ("Day__c", text("tomorrow")),
        ("Moment__c", FieldValue(datetime_value="2026-03-01T24:30:00Z")),
        ("Clock__c", text("noon")),
        ("Many__c", texts("A", "Z")),
        ("Many__c", texts("A;C")),
        ("Text__c", text("x" * 256)),
        ("Account__c", text("A-1")),
    ],
)
async def test_a_value_that_no_such_field_takes(things, name, value):
    """The refusal names the field and repeats no value."""
    request = pb.CreateRecordRequest(object="Thing__c", fields={"Name": text("N"), name: value})

    error = await refused(things.CreateRecord(request))

    assert ("INVALID_ARGUMENT", "INVALID_FIELD_VALUE", [f"fields.{name}"]) == (
        error.code,
        error.reason,
        list(error.violations),
    )


async def test_no_other_record_is_deleted_unchecked(things):
    """An org whose fields are not looked at still deletes no record of another sObject."""
    (made,) = (
        await things.ApplyRecords(pb.ApplyRecordsRequest(operations=[create("Account", Name=text("A"))]))
    ).results
    wrong, right = by_id("Thing__c", made.saved.record_id), by_id("Account", made.saved.record_id)
    operations = [delete(wrong), delete(right)]

    error = await refused(things.DeleteRecord(pb.DeleteRecordRequest(org="trusting", record=wrong)))
    results = (await things.ApplyRecords(pb.ApplyRecordsRequest(org="trusting", operations=operations))).results

    assert ("INVALID_FIELD_VALUE", ["record.id"]) == (error.reason, list(error.violations))
    assert ["error", "saved"] == [result.WhichOneof("outcome") for result in results]
    assert not results[1].saved.already_deleted
