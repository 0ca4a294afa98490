"""DeepLinkService over a real channel."""

import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import (
    CreateDeepLinkRequest,
    CreateDeepLinksRequest,
)
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import DeleteRecordRequest, UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.disturbances import Page
from tests.support.link_calls import claim, create, refused, resolve

LEAD = RecordRef(object="Lead", id="00Q010000000001EAA")
IPHONE = pb.DeviceContext(platform=pb.PLATFORM_IOS, app=pb.APP_PRESENCE_INSTALLED)


async def lead(channel: aio.Channel, ext: str) -> str:
    """Upsert a lead and return its id."""
    fields = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
    request = UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value=ext), fields=fields)
    return (await RecordServiceStub(channel).UpsertRecord(request)).record_id


async def test_a_link_leads_to_its_record(channel, unique):
    """A link by external id finds the record, and what opens without any app is last."""
    record_id = await lead(channel, unique("a/b?c=d&ü"))
    made = await create(
        channel, RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value=unique("a/b?c=d&ü")))
    )

    found = await resolve(channel, url=made.url, device=IPHONE)

    assert (record_id, "view") == (found.record.id, found.action)
    assert pb.DEEP_LINK_TARGET_KIND_APP_LINK == found.targets[0].kind
    assert found.fallback_uri == found.targets[-1].uri
    assert all(record_id in target.uri for target in found.targets)


async def test_a_link_to_a_record_that_does_not_exist_yet(channel, unique):
    """A link can be made before its record; until then it opens the page for records that are not there."""
    record = RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value=unique("later")))
    made = await create(channel, record)

    before = await resolve(channel, url=made.url)
    await lead(channel, unique("later"))
    found = await resolve(channel, url=made.url)

    assert pb.LINKED_RECORD_STATE_MISSING == before.record_state
    assert ["https://links.example.com/gone"] == [target.uri for target in before.targets]
    assert (before.fallback_uri, record) == (before.targets[0].uri, before.record)
    assert pb.LINKED_RECORD_STATE_FOUND == found.record_state
    assert found.record.id


@pytest.mark.parametrize("given", ["00Q010000000001", "00Q010000000001EAA", "00q010000000001eaa"])
async def test_answers_carry_ids_of_18_characters(channel, given):
    """A record's id comes back in its long form and its own case, however it was given."""
    made = await create(channel, RecordRef(object="Lead", id=given))
    by_link = await resolve(channel, url=made.url)
    by_record = await resolve(channel, record=RecordRef(object="Lead", id=given))

    assert ["00Q010000000001EAA"] * 2 == [by_link.record.id, by_record.record.id]


async def test_damaged_ids(channel):
    """An id whose last characters do not belong to the others is refused before a link holds it."""
    damaged = RecordRef(object="Lead", id="00Q010000000001EAB")

    failures = [await refused(create(channel, damaged)), await refused(resolve(channel, record=damaged))]

    assert [("INVALID_REQUEST", ["record.id"])] * 2 == [(item.reason, list(item.violations)) for item in failures]


@pytest.mark.parametrize("value", [".", ".."])
async def test_an_external_id_that_nobody_can_look_up(channel, value):
    """A link to it would never open: it is refused before anyone gets it, as resolving it is."""
    record = RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value=value))

    failures = [await refused(create(channel, record)), await refused(resolve(channel, record=record))]

    assert [("INVALID_REQUEST", ["record.external_id.value"])] * 2 == [
        (item.reason, list(item.violations)) for item in failures
    ]


@pytest.mark.parametrize(("seconds", "valid"), [(59, False), (60, True), (315_576_000, True), (315_576_001, False)])
async def test_how_long_a_link_lives(channel, seconds, valid):
    """A link lives from a minute to ten years, and the answer says until when."""
    call = create(channel, LEAD, ttl=Duration(seconds=seconds))

    if not valid:
        assert ["ttl"] == list((await refused(call)).violations)
        return
    made = await call
    assert seconds == pytest.approx(made.expire_time.seconds - time.time(), abs=5)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (CreateDeepLinkRequest(), "record"),
        (CreateDeepLinkRequest(record=RecordRef(object="Lead")), "record.key"),
        (CreateDeepLinkRequest(record=RecordRef(object="Lead", id="abc")), "record.id"),
        (CreateDeepLinkRequest(record=LEAD, provider="nope"), "provider"),
        (CreateDeepLinkRequest(record=LEAD, action="EDIT"), "action"),
        (CreateDeepLinkRequest(record=LEAD, campaign={"source": "x"}), "campaign.source"),
    ],
)
async def test_what_cannot_stand_in_a_link(channel, request_, field):
    """What cannot be linked to is refused with the field at fault."""
    failed = await refused(DeepLinkServiceStub(channel).CreateDeepLink(request_))

    assert ("INVALID_ARGUMENT", "INVALID_REQUEST") == (failed.code, failed.reason)
    assert [field] == list(failed.violations)


@pytest.mark.parametrize(
    ("sobject", "key", "reason", "field"),
    [
        ("Leed", "Ext__c", "UNKNOWN_OBJECT", "record.object"),
        ("Lead", "Exd__c", "UNKNOWN_FIELD", "record.external_id.field"),
    ],
)
async def test_what_no_record_could_have(channel, sobject, key, reason, field):
    """An sObject or a field that is not there is told apart from a record that is not there."""
    record = RecordRef(object=sobject, external_id=ExternalId(field=key, value="1"))

    failed = await refused(resolve(channel, record=record))

    assert (reason, [field]) == (failed.reason, list(failed.violations))


async def test_many_links_at_once(channel):
    """Each request gets its own answer in its own place: one that cannot be made does not stop the others."""
    requests = [
        CreateDeepLinkRequest(record=LEAD, campaign={"utm_source": "sms"}),
        CreateDeepLinkRequest(record=LEAD, provider="nope"),
        CreateDeepLinkRequest(record=RecordRef(object="Lead", id="00Q010000000001EAB")),
        CreateDeepLinkRequest(org="elsewhere", record=LEAD),
        CreateDeepLinkRequest(org="emulator", record=LEAD, ttl=Duration(seconds=60)),
    ]

    made = (await DeepLinkServiceStub(channel).CreateDeepLinks(CreateDeepLinksRequest(requests=requests))).results

    errors = [(index, list(item.error.fields)) for index, item in enumerate(made) if item.HasField("error")]
    assert [(1, ["provider"]), (2, ["record.id"]), (3, ["org"])] == errors
    assert {ErrorReason.ERROR_REASON_INVALID_REQUEST} == {item.error.reason for item in made[1:4]}
    for item in (made[0], made[4]):
        assert "00Q010000000001EAA" == (await resolve(channel, url=item.link.url)).record.id


async def test_a_thousand_links(channel):
    """As many as a call takes; one more is refused before anything is made."""
    requests = [CreateDeepLinkRequest(record=LEAD)] * 1000

    made = await DeepLinkServiceStub(channel).CreateDeepLinks(CreateDeepLinksRequest(requests=requests))
    failed = await refused(
        DeepLinkServiceStub(channel).CreateDeepLinks(CreateDeepLinksRequest(requests=[*requests, requests[0]]))
    )

    assert 1000 == sum(item.HasField("link") for item in made.results)
    assert ["requests"] == list(failed.violations)


async def test_a_request_of_many_that_breaks_a_rule_is_named(channel):
    """The path leads to the one at fault."""
    requests = [CreateDeepLinkRequest(record=LEAD), CreateDeepLinkRequest(record=LEAD, action="EDIT")]

    failed = await refused(DeepLinkServiceStub(channel).CreateDeepLinks(CreateDeepLinksRequest(requests=requests)))

    assert ["requests[1].action"] == list(failed.violations)


async def test_the_record_s_fields_come_along(channel, unique, disturbances):
    """One call to Salesforce finds the record and reads its fields."""
    record_id = await lead(channel, unique("read"))
    record = RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value=unique("read")))
    await resolve(channel, record=record, fields=["Company"])
    # A second call would fail, and so would its repeats.
    disturbances.add(Page(503), skip=1, times=None)

    found = await resolve(channel, record=record, fields=["company", "LastName"], device=IPHONE)

    assert (record_id, "Curie", "Radium") == (
        found.read_record.record_id,
        found.read_record.fields["LastName"].string_value,
        found.read_record.fields["Company"].string_value,
    )
    assert (record_id, pb.LINKED_RECORD_STATE_FOUND) == (found.record.id, found.record_state)


@pytest.mark.parametrize("how", ["fields", "lookup"])
async def test_a_record_by_id_that_is_deleted(channel, unique, how):
    """It is looked for only if the caller wants to know of it, and then the answer says that it is gone."""
    record = RecordRef(object="Lead", id=await lead(channel, unique("deleted")))
    await RecordServiceStub(channel).DeleteRecord(DeleteRecordRequest(record=record))
    asked = {"fields": ["Company"]} if how == "fields" else {"lookup": pb.RECORD_LOOKUP_ALWAYS}

    unasked = await resolve(channel, record=record, device=IPHONE)
    found = await resolve(channel, record=record, device=IPHONE, **asked)

    assert pb.LINKED_RECORD_STATE_UNSPECIFIED == unasked.record_state
    assert record.id in unasked.targets[0].uri
    assert pb.LINKED_RECORD_STATE_DELETED == found.record_state
    assert ["https://links.example.com/gone"] == [target.uri for target in found.targets]
    assert {target.kind for target in unasked.targets[:-1]} <= {item.kind for item in found.left_out}
    assert not found.HasField("read_record")


async def test_nothing_is_asked_if_nobody_wants_it(channel, unique, disturbances):
    """With NEVER a link by external id opens what needs no id, though Salesforce is out of order."""
    disturbances.add(Page(503), path="/sobjects", times=None)
    record = RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value=unique("x")))

    failed = await refused(resolve(channel, record=record, lookup=pb.RECORD_LOOKUP_NEVER))

    # The example's page needs the id.
    assert ("INVALID_REQUEST", ["record"]) == (failed.reason, list(failed.violations))
    assert "known Salesforce id" in failed.message


async def test_fields_need_a_lookup(channel):
    """To want fields and no lookup is a contradiction."""
    failed = await refused(resolve(channel, record=LEAD, fields=["Name"], lookup=pb.RECORD_LOOKUP_NEVER))

    assert ["fields"] == list(failed.violations)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        ({"record": LEAD, "provider": "nope"}, ["provider"]),
        ({"record": LEAD, "fields": ["Nmae"]}, ["fields[0]"]),
        ({"record": LEAD, "fields": ["a b"]}, ["fields[0]"]),
        ({"record": LEAD, "device": pb.DeviceContext(app_version="1\n2")}, ["device.app_version"]),
        ({"record": LEAD, "device": pb.DeviceContext(locale="../x")}, ["device.locale"]),
        ({"record": RecordRef(object="Leed", id=LEAD.id), "fields": ["Id"]}, ["record.object"]),
    ],
)
async def test_what_cannot_be_resolved(channel, request_, fields):
    """The field at fault is named as the caller wrote it."""
    failed = await refused(resolve(channel, **request_))

    assert fields == list(failed.violations)


async def test_each_target_has_its_reason(channel):
    """What is opened and what is not both say why, and the answer names the provider."""
    found = await resolve(channel, record=LEAD, device=IPHONE)

    assert "web" == found.provider
    assert all(target.explanation.endswith(".") for target in found.targets)
    assert [pb.DEEP_LINK_TARGET_KIND_STORE] == [item.kind for item in found.left_out]
    assert "on the device already" in found.left_out[0].explanation


async def test_an_app_claims_what_it_was_installed_for(channel):
    """From the tap over the store to the first start: the referrer holds the token, which works once."""
    phone = pb.DeviceContext(platform=pb.PLATFORM_ANDROID, app=pb.APP_PRESENCE_MISSING)
    url = (await create(channel, LEAD, action="edit", campaign={"utm_source": "sms"})).url
    found = await resolve(channel, url=url, device=phone)
    [store] = [target.uri for target in found.targets if target.kind == pb.DEEP_LINK_TARGET_KIND_STORE]
    referrer = dict(parse_qsl(urlsplit(store).query))["referrer"]

    claimed = await claim(channel, install_referrer=referrer, device=phone)
    again = await refused(claim(channel, token=found.deferred_token, device=phone))

    assert found.deferred_token in referrer
    assert (LEAD, "edit", {"utm_source": "sms"}) == (claimed.record, claimed.action, dict(claimed.campaign))
    assert 604_800 == found.deferred_token_expire_time.seconds - claimed.create_time.seconds
    assert ("FAILED_PRECONDITION", "CLAIM_USED") == (again.code, again.reason)


async def test_a_claim_that_lost_its_answer(channel):
    """With a request id the same start of the app is answered again."""
    phone = pb.DeviceContext(platform=pb.PLATFORM_IOS)
    token = (await resolve(channel, record=LEAD, device=phone)).deferred_token

    first, second = [await claim(channel, token=token, device=phone, request_id="start-1") for _ in range(2)]
    failed = await refused(claim(channel, token=token, device=phone, request_id="start-2"))

    assert first == second
    assert "CLAIM_USED" == failed.reason
