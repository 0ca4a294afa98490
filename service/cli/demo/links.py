"""A deep link, and what it opens on each device."""

from collections.abc import Awaitable

from sluicegate import RecordRef, ResolvedDeepLink, SluicegateError
from sluicegate.deep_links import Platform

from service.cli.demo.leads import KEY
from service.cli.demo.stage import Stage

_WITHOUT_APP = "Android, no app"
_DEVICES: tuple[tuple[str, Platform, bool | None], ...] = (
    ("iOS, app there", "ios", True),
    (_WITHOUT_APP, "android", False),
    ("computer", "web", None),
)


async def links(stage: Stage, key: str, record_id: str) -> None:
    """Make a link to a lead and resolve it.

    Args:
        stage: The stage.
        key: The lead's external id.
        record_id: The lead's Salesforce id.

    """
    record = RecordRef("Lead", external_id_field=KEY, external_id=key)
    resolved: dict[str, ResolvedDeepLink] = {}
    async with stage.step("Deep links", f"Make a deep link to lead {key} and follow it"):
        link = await stage.client.create_deep_link(record, campaign={"utm_source": "demo"})
        for device, platform, app_installed in _DEVICES:
            resolved[device] = await stage.client.resolve_deep_link(
                link.url, platform=platform, app_installed=app_installed
            )
        forged = await _reason(stage.client.resolve_deep_link(link.url.replace(key, "L-9999")))
        token = resolved[_WITHOUT_APP].deferred_token
        claimed = await stage.client.claim_deep_link(token, platform="android")
        again = await _reason(stage.client.claim_deep_link(token, platform="android"))
    stage.line(link.url)
    stage.say(f"Valid until {link.expire_time:%Y-%m-%d %H:%M} UTC. What it opens, best first:")
    for device, answer in resolved.items():
        stage.say(device, style="dim")
        for target in answer.targets:
            stage.line(f"  {target.kind:<18}{target.uri}")
    find = stage.findings
    find.check("the link finds the record by its external id", {record_id}, {a.record.id for a in resolved.values()})
    find.check("every device has something to open", [], [device for device, a in resolved.items() if not a.targets])
    find.check(
        "the last target works without any app",
        [a.fallback_uri for a in resolved.values()],
        [a.targets[-1].uri if a.targets else "" for a in resolved.values()],
    )
    find.check("a link that was altered is refused", "INVALID_LINK", forged)
    find.check("an app that was installed from the link learns its record", record, claimed.record)
    find.check("nobody learns it twice", "CLAIM_USED", again)


async def _reason(call: Awaitable[object]) -> str:
    try:
        await call
    except SluicegateError as error:
        return error.reason
    return "nothing"
