"""How records are written: duplicate rules, assignment rules, waiting; over a real channel."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from sluicegate.v1 import error_reason_pb2 as reasons
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.record_operation_pb2 import WriteOptions
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.emulator import write_options
from service.emulator.duplicates import DuplicateRule
from service.emulator.org import Org
from service.emulator.routes import collections
from tests.support.record_messages import by_id, create, key, refused, text, update, upsert


@pytest.fixture
def stub(channel):
    """The service."""
    return RecordServiceStub(channel)


@pytest.fixture
def org(app: App) -> Iterator[Org]:
    """The embedded org with its duplicate rules switched on."""
    assert app.emulator is not None
    org = app.emulator.org
    org.duplicate_rules.enable()
    yield org
    org.duplicate_rules.disable()


@pytest.fixture
def headers(monkeypatch) -> list[Mapping[str, str]]:
    """The headers of the calls that write records, as the org got them."""
    seen: list[Mapping[str, str]] = []

    def noted(given: Mapping[str, str], version: str) -> write_options.WriteOptions:
        seen.append(given)
        return write_options.write_options(given, version)

    monkeypatch.setattr(collections, "write_options", noted)
    return seen


def person(name: str) -> dict[str, Any]:
    """Return fields by which a lead is told to be the same as another."""
    return {
        "FirstName": text("Marie"),
        "LastName": text(name),
        "Company": text("Radium"),
        "Email": text("marie@curie.example"),
    }


def new_user(org: Org, name: str) -> str:
    """Return the id of a user who was just made, like the administrator but for the name."""
    like = ("Alias", "Email", "EmailEncodingKey", "LanguageLocaleKey", "LocaleSidKey", "ProfileId", "TimeZoneSidKey")
    admin = org.get("User", org.admin_id, like)
    fields = {field: admin[field] for field in like} | {"LastName": name, "IsActive": True}
    return org.create("User", {**fields, "Username": f"{name}@acme.example"}, user_id=org.admin_id)


async def test_duplicates_that_only_alert(stub, org, unique):
    """A duplicate rule refuses the record, with the reason; whoever allows duplicates writes it."""
    fields = person(unique("Curie"))
    await stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields))
    allowing = WriteOptions(allow_duplicates=True)

    create_error = await refused(stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields)))
    upsert_error = await refused(
        stub.UpsertRecord(pb.UpsertRecordRequest(object="Lead", external_id=key(unique("L")), fields=fields))
    )
    created = await stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields, options=allowing))
    upserted = await stub.UpsertRecord(
        pb.UpsertRecordRequest(object="Lead", external_id=key(unique("L")), fields=fields, options=allowing)
    )

    for error in (create_error, upsert_error):
        assert ("ALREADY_EXISTS", "DUPLICATES_DETECTED") == (error.code, error.reason)
        assert "DUPLICATES_DETECTED" == error.metadata["salesforce_error_code"]
    assert created.record_id
    assert upserted.created


async def test_duplicates_that_are_blocked(stub, org, unique):
    """A rule that blocks refuses also those who allow duplicates."""
    rule = DuplicateRule("Blocks", "Contact", "Exact", (("LastName", "Email"),), blocks=True)
    org.duplicate_rules.add(rule)
    fields = {"LastName": text(unique("Curie")), "Email": text("marie@curie.example")}
    request = pb.CreateRecordRequest(object="Contact", fields=fields, options=WriteOptions(allow_duplicates=True))
    await stub.CreateRecord(request)

    error = await refused(stub.CreateRecord(request))

    assert ("ALREADY_EXISTS", "DUPLICATES_DETECTED") == (error.code, error.reason)


async def test_one_row_that_is_a_duplicate(stub, org, unique):
    """Of several records only the duplicate is refused."""
    fields = person(unique("Curie"))
    operations = [create("Lead", **person(unique("Joliot"))), create("Lead", **fields), create("Lead", **fields)]

    results = (await stub.ApplyRecords(pb.ApplyRecordsRequest(operations=operations))).results
    allowing = pb.ApplyRecordsRequest(operations=operations, options=WriteOptions(allow_duplicates=True))
    allowed = (await stub.ApplyRecords(allowing)).results

    # Rows of one call that are duplicates of each other are not known to each other yet, or are: both are right.
    assert ["saved", "saved"] == [result.WhichOneof("outcome") for result in results[:2]]
    assert ["saved"] * 3 == [result.WhichOneof("outcome") for result in allowed]
    again = (await stub.ApplyRecords(pb.ApplyRecordsRequest(operations=operations[1:2]))).results
    assert [reasons.ERROR_REASON_DUPLICATES_DETECTED] == [result.error.reason for result in again]
    assert "DUPLICATES_DETECTED" == again[0].error.salesforce_code


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (WriteOptions(), {}),
        (WriteOptions(skip_assignment_rule=True), {"Sforce-Auto-Assign": "FALSE"}),
        (WriteOptions(allow_duplicates=True), {"Sforce-Duplicate-Rule-Header": "allowSave=true"}),
        (
            WriteOptions(allow_duplicates=True, duplicate_rules_as_current_user=True),
            {"Sforce-Duplicate-Rule-Header": "allowSave=true; runAsCurrentUser=true"},
        ),
    ],
)
async def test_options_are_headers_of_the_call(stub, headers, unique, options, expected):
    """Every operation that writes values carries its options to Salesforce, and only those."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    created = await stub.CreateRecord(pb.CreateRecordRequest(object="Lead", fields=fields, options=options))
    record = by_id("Lead", created.record_id)
    await stub.UpdateRecord(pb.UpdateRecordRequest(record=record, fields=fields, options=options))
    await stub.UpsertRecord(
        pb.UpsertRecordRequest(object="Lead", external_id=key(unique("L")), fields=fields, options=options)
    )
    operations = [create("Lead", **fields), update(record, **fields), upsert("Lead", unique("M"), **fields)]
    await stub.ApplyRecords(pb.ApplyRecordsRequest(operations=operations, options=options))

    assert 6 == len(headers)
    for given in headers:
        assert expected == {
            name: given[name] for name in ("Sforce-Auto-Assign", "Sforce-Duplicate-Rule-Header") if name in given
        }


async def test_who_owns_a_new_lead(stub, app, unique, monkeypatch):
    """The active assignment rule gives the record away, unless another is named or none is wanted."""
    assert app.emulator is not None
    org = app.emulator.org
    monkeypatch.setattr(org.assignment_rules, "_active", {})
    first, second = (new_user(org, unique(name)) for name in ("first", "second"))
    org.assignment_rules.add("Lead", first)
    other = org.assignment_rules.add("Lead", second, active=False)
    every = [
        WriteOptions(),
        WriteOptions(assignment_rule_id=other[:15]),
        WriteOptions(skip_assignment_rule=True),
        WriteOptions(assignment_rule_id="01Q000000000009"),
    ]
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    requests = [pb.CreateRecordRequest(object="Lead", fields=fields, options=options) for options in every]

    ids = [(await stub.CreateRecord(request)).record_id for request in requests[:3]]
    error = await refused(stub.CreateRecord(requests[3]))

    assert [first, second, org.admin_id] == [org.get("Lead", each, ["OwnerId"])["OwnerId"] for each in ids]
    assert "INVALID_REFERENCE" == error.reason


async def test_records_with_other_options_do_not_share_a_call(stub, headers):
    """Options hold for a whole call, so each set of them has calls of its own."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    options = [WriteOptions(), WriteOptions(skip_assignment_rule=True)]
    operations = [create("Lead", **fields)] * 20
    requests = [pb.ApplyRecordsRequest(operations=operations, options=each) for each in options]

    answers = await asyncio.gather(*(stub.ApplyRecords(request) for request in requests))

    assert 40 == len({each.saved.record_id for answer in answers for each in answer.results})
    assert {None, "FALSE"} == {given.get("Sforce-Auto-Assign") for given in headers}
    assert len(headers) < 40


async def test_waiting_costs_nothing_while_calls_are_ample(stub):
    """However long a record may be held back, it is not while the org has calls left."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    patient = WriteOptions(max_wait=Duration(seconds=60))

    await stub.CreateRecord(
        pb.CreateRecordRequest(object="Lead", fields=fields, options=patient),
        timeout=50,
    )
