"""DeepLinkService over a real channel."""

import time

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import (
    CreateDeepLinkRequest,
    CreateDeepLinkResponse,
    ResolveDeepLinkRequest,
    ResolveDeepLinkResponse,
)
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from tests.support.rich_status import Failure, failure

LEAD = RecordRef(object="Lead", id="00Q010000000001EAA")
IPHONE = pb.DeviceContext(platform=pb.PLATFORM_IOS, app=pb.APP_PRESENCE_INSTALLED)


async def create(channel: aio.Channel, record: RecordRef, **more) -> CreateDeepLinkResponse:
    """Make a link."""
    return await DeepLinkServiceStub(channel).CreateDeepLink(CreateDeepLinkRequest(record=record, **more))


async def resolve(channel: aio.Channel, **what) -> ResolveDeepLinkResponse:
    """Ask what a link or a record opens."""
    return await DeepLinkServiceStub(channel).ResolveDeepLink(ResolveDeepLinkRequest(**what))


async def refused(call) -> Failure:
    """Return how a call failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return failure(raised.value)


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


@pytest.mark.parametrize(("seconds", "valid"), [(59, False), (60, True), (315_576_000, True), (315_576_001, False)])
async def test_how_long_a_link_lives(channel, seconds, valid):
    """A link lives from a minute to ten years, and the answer says until when."""
    call = create(channel, LEAD, ttl=Duration(seconds=seconds))

    if not valid:
        assert ["ttl"] == list((await refused(call)).violations)
        return
    made = await call
    assert seconds == pytest.approx(made.expire_time.seconds - time.time(), abs=5)


async def test_links_that_were_altered(channel):
    """A link with any part changed, added or moved to another host opens nothing."""
    url = (await create(channel, LEAD, campaign={"utm_source": "mail & more"})).url
    altered = [
        url.replace("00Q010000000001EAA", "00Q010000000002EAA"),
        url.replace("p=web", "p=other"),
        url.replace("mail", "post"),
        url + "&x=1",
        url.replace("links.example.com", "links.example.org"),
        url.replace("https://", "http://"),
    ]

    failures = [await refused(resolve(channel, url=link)) for link in altered]

    assert [("INVALID_ARGUMENT", "INVALID_LINK", ["url"])] * len(altered) == [
        (item.code, item.reason, list(item.violations)) for item in failures
    ]


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
