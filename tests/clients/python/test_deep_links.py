"""The client's calls about deep links over a real socket."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate import (
    ClaimedDeepLink,
    DeepLink,
    DeepLinkDraft,
    DeepLinkError,
    LeftOutTarget,
    Record,
    RecordRef,
    ResolvedDeepLink,
)
from sluicegate.v1.deep_link_pb2 import (
    APP_PRESENCE_MISSING,
    DEEP_LINK_TARGET_KIND_STORE,
    LINKED_RECORD_STATE_FOUND,
    PLATFORM_ANDROID,
    RECORD_LOOKUP_ALWAYS,
    DeepLinkTarget,
)
from sluicegate.v1.deep_link_pb2 import DeepLinkError as DeepLinkErrorMessage
from sluicegate.v1.deep_link_pb2 import LeftOutTarget as LeftOutTargetMessage
from sluicegate.v1.deep_link_service_pb2 import (
    ClaimDeepLinkResponse,
    CreateDeepLinkResponse,
    CreateDeepLinkResult,
    CreateDeepLinksResponse,
    ResolveDeepLinkResponse,
)
from sluicegate.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST, ERROR_REASON_SHORT_LINK_UNAVAILABLE
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_pb2 import Record as RecordMessage
from sluicegate.v1.record_pb2 import RecordRef as RecordRefMessage

INSTANT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAD_ID = "00Q000000000001AAA"


def timestamp() -> Timestamp:
    """Make the instant that answers carry."""
    return Timestamp(seconds=int(INSTANT.timestamp()))


async def test_create_deep_link(client, script):
    """A link is made for a record by external id, with its validity and campaign."""
    script.answers = [CreateDeepLinkResponse(url="https://links.example/l", expire_time=timestamp())]
    record = RecordRef("Lead", external_id_field="Ext__c", external_id="L-1")

    link = await client.create_deep_link(record, ttl=timedelta(hours=1), campaign={"utm_source": "mail"})

    (request,) = script.requests
    assert (link.url, link.expire_time) == ("https://links.example/l", INSTANT)
    assert (request.org, request.record.external_id.value) == ("sandbox", "L-1")
    assert request.ttl.seconds == 3600
    assert dict(request.campaign) == {"utm_source": "mail"}
    assert (request.short, link.short_url, link.short_error) == (False, "", None)


async def test_a_short_link(client, script):
    """It is asked for where it is wanted, and comes beside the long one, or with why there is none."""
    error = DeepLinkErrorMessage(reason=ERROR_REASON_SHORT_LINK_UNAVAILABLE, message="the provider gives none")
    script.answers = [
        CreateDeepLinkResponse(url="https://a.example/l", expire_time=timestamp(), short_url="https://a.app.link/x"),
        CreateDeepLinksResponse(
            results=[
                CreateDeepLinkResult(
                    link=CreateDeepLinkResponse(url="https://a.example/l", expire_time=timestamp(), short_error=error)
                )
            ]
        ),
    ]
    record = RecordRef("Lead", LEAD_ID)

    link = await client.create_deep_link(record, short=True)
    several = await client.create_deep_links([DeepLinkDraft(record, short=True)])

    one, many = script.requests
    assert (True, [True]) == (one.short, [each.short for each in many.requests])
    assert DeepLink("https://a.example/l", INSTANT, "https://a.app.link/x") == link
    why = DeepLinkError("SHORT_LINK_UNAVAILABLE", "the provider gives none")
    assert [DeepLink("https://a.example/l", INSTANT, "", why)] == several


async def test_resolve_deep_link(client, script):
    """A link is resolved for the device, and its targets keep their order."""
    target = DeepLinkTarget(kind=DEEP_LINK_TARGET_KIND_STORE, uri="https://store.example", explanation="no app")
    script.answers = [
        ResolveDeepLinkResponse(
            record=RecordRefMessage(object="Lead", id=LEAD_ID),
            targets=[target],
            fallback_uri="https://web.example",
            action="view",
        ),
    ]

    resolved = await client.resolve_deep_link("https://links.example/l", platform="android", app_installed=False)

    (request,) = script.requests
    assert (request.device.platform, request.device.app) == (PLATFORM_ANDROID, APP_PRESENCE_MISSING)
    assert (request.org, request.url) == ("sandbox", "https://links.example/l")
    assert RecordRef("Lead", id=LEAD_ID) == resolved.record
    assert [target.kind for target in resolved.targets] == ["store"]
    assert resolved.fallback_uri == "https://web.example"


async def test_resolve_record(client, script):
    """A record is resolved without a link, and an unknown device stays unknown."""
    script.answers = [ResolveDeepLinkResponse(record=RecordRefMessage(object="Lead", id=LEAD_ID))]

    await client.resolve_deep_link(RecordRef("Lead", id=LEAD_ID))

    (request,) = script.requests
    assert request.record.id == LEAD_ID
    assert (request.device.platform, request.device.app) == (0, 0)


async def test_everything_that_is_known_of_a_link(client, script):
    """Whatever the caller wants to know is asked for, and the answer is read."""
    script.answers = [
        ResolveDeepLinkResponse(
            record=RecordRefMessage(object="Lead", id=LEAD_ID),
            record_state=LINKED_RECORD_STATE_FOUND,
            read_record=RecordMessage(object="Lead", record_id=LEAD_ID, fields={"Name": FieldValue(string_value="C")}),
            left_out=[LeftOutTargetMessage(kind=DEEP_LINK_TARGET_KIND_STORE, explanation="no store")],
            deferred_token="t",
            deferred_token_expire_time=timestamp(),
            provider="web",
            campaign={"utm_source": "sms"},
            renewed_url="https://links.example/l?new",
        ),
    ]

    resolved = await client.resolve_deep_link(
        RecordRef("Lead", id=LEAD_ID), app_version="4.2", locale="de", fields=["Name"], lookup="always", provider="web"
    )

    (request,) = script.requests
    assert ("4.2", "de", ["Name"], RECORD_LOOKUP_ALWAYS, "web") == (
        request.device.app_version,
        request.device.locale,
        request.fields,
        request.lookup,
        request.provider,
    )
    assert (
        ResolvedDeepLink(
            record=RecordRef("Lead", id=LEAD_ID),
            targets=(),
            fallback_uri="",
            action="",
            record_state="found",
            read_record=Record("Lead", LEAD_ID, {"Name": "C"}),
            left_out=(LeftOutTarget("store", "no store"),),
            deferred_token="t",
            deferred_token_expire_time=INSTANT,
            provider="web",
            campaign={"utm_source": "sms"},
            renewed_url="https://links.example/l?new",
        )
        == resolved
    )


async def test_create_deep_links(client, script):
    """Each draft gets a link or an error, in its place."""
    made = CreateDeepLinkResponse(url="https://links.example/l", expire_time=timestamp())
    error = DeepLinkErrorMessage(reason=ERROR_REASON_INVALID_REQUEST, message="wrong", fields=["provider"])
    script.answers = [
        CreateDeepLinksResponse(results=[CreateDeepLinkResult(link=made), CreateDeepLinkResult(error=error)])
    ]
    record = RecordRef("Lead", id=LEAD_ID)

    links = await client.create_deep_links([DeepLinkDraft(record), DeepLinkDraft(record, "nope", timedelta(hours=1))])

    (request,) = script.requests
    assert ("sandbox", ["", ""], 3600) == (
        request.org,
        [item.org for item in request.requests],
        request.requests[1].ttl.seconds,
    )
    assert [
        DeepLink("https://links.example/l", INSTANT),
        DeepLinkError("INVALID_REQUEST", "wrong", ("provider",)),
    ] == links


async def test_claim_deep_link(client, script):
    """An app claims by a token or by what Google Play told it, and not by both."""
    script.answers = [
        ClaimDeepLinkResponse(
            record=RecordRefMessage(object="Lead", id=LEAD_ID),
            action="edit",
            campaign={"utm_source": "sms"},
            create_time=timestamp(),
        )
    ] * 2

    claimed = await client.claim_deep_link("t", platform="ios", request_id="start-1")
    await client.claim_deep_link(install_referrer="deferred_token=t", platform="android")

    assert ClaimedDeepLink(RecordRef("Lead", id=LEAD_ID), "edit", {"utm_source": "sms"}, INSTANT) == claimed
    assert ["token", "install_referrer"] == [request.WhichOneof("source") for request in script.requests]
    assert ["start-1", ""] == [request.request_id for request in script.requests]
    with pytest.raises(ValueError, match="not by both"):
        await client.claim_deep_link("t", install_referrer="deferred_token=t", platform="android")
    with pytest.raises(ValueError, match="not by both"):
        await client.claim_deep_link(platform="android")


async def test_fields_that_are_one_text(client):
    """A text is no list of names, and a word that is none is refused with those that are."""
    with pytest.raises(TypeError, match=r"give a list: \['Name'\]"):
        await client.resolve_deep_link("https://links.example/l", fields="Name")
    with pytest.raises(ValueError, match="lookup is 'sometimes'; it must be one of never, always"):
        await client.resolve_deep_link("https://links.example/l", lookup="sometimes")


async def test_unknown_platform(client):
    """A platform that does not exist is refused with those that do."""
    with pytest.raises(ValueError, match="platform is 'tv'; it must be one of ios, android, web"):
        await client.resolve_deep_link("https://links.example/l", platform="tv")
