"""A deep link: what the service says that it opens, and where browsers come to that follow it."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from sluicegate import DeepLink, RecordRef, ResolvedDeepLink, SluicegateError
from sluicegate.deep_links import Platform

from service.cli.demo.leads import KEY
from service.cli.demo.stage import Stage

_WITHOUT_APP = "Android, no app"
_DEVICES: tuple[tuple[str, Platform, bool | None], ...] = (
    ("iOS, app there", "ios", True),
    (_WITHOUT_APP, "android", False),
    ("computer", "web", None),
)
_BROWSERS = {
    "iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "Android phone": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36",
    "computer": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
}
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class _Landing:
    """Where a browser came to."""

    status: int
    goes_to: str
    page: str


async def links(stage: Stage, key: str, record_id: str, link_server: str) -> None:
    """Make a link to a lead, resolve it, and follow it as browsers do.

    Args:
        stage: The stage.
        key: The lead's external id.
        record_id: The lead's Salesforce id.
        link_server: Base URL of what stands behind the link host.

    """
    record = RecordRef("Lead", external_id_field=KEY, external_id=key)
    resolved: dict[str, ResolvedDeepLink] = {}
    async with stage.step("Deep links", f"Make a deep link to lead {key} and follow it"):
        link = await stage.client.create_deep_link(record, campaign={"utm_source": "demo"})
        for device, platform, app_installed in _DEVICES:
            resolved[device] = await stage.client.resolve_deep_link(
                link.url, platform=platform, app_installed=app_installed
            )
        landings = {
            device: await asyncio.to_thread(_follow, link_server, link.url, agent)
            for device, agent in _BROWSERS.items()
        }
        forged = await _reason(stage.client.resolve_deep_link(link.url.replace(key, "L-9999")))
        token = resolved[_WITHOUT_APP].deferred_token
        claimed = await stage.client.claim_deep_link(token, platform="android")
        again = await _reason(stage.client.claim_deep_link(token, platform="android"))
    _tell(stage, link, resolved, landings)
    find = stage.findings
    find.check("the link finds the record by its external id", {record_id}, {a.record.id for a in resolved.values()})
    find.check("every device has something to open", [], [device for device, a in resolved.items() if not a.targets])
    find.check(
        "the last target works without any app",
        [a.fallback_uri for a in resolved.values()],
        [a.targets[-1].uri if a.targets else "" for a in resolved.values()],
    )
    find.check(
        "phones that follow it over HTTP are sent to their store",
        [(302, "apps.apple.com"), (302, "play.google.com")],
        [(phone.status, urlsplit(phone.goes_to).netloc) for phone in (landings["iPhone"], landings["Android phone"])],
    )
    computer = landings["computer"]
    find.check("a computer is shown a code for the phone", (200, True), (computer.status, "<svg" in computer.page))
    find.check("a link that was altered is refused", "INVALID_LINK", forged)
    find.check("an app that was installed from the link learns its record", record, claimed.record)
    find.check("nobody learns it twice", "CLAIM_USED", again)


def _tell(
    stage: Stage, link: DeepLink, resolved: Mapping[str, ResolvedDeepLink], landings: Mapping[str, _Landing]
) -> None:
    stage.line(link.url)
    stage.say(f"Valid until {link.expire_time:%Y-%m-%d %H:%M} UTC. What it opens, best first:")
    for device, answer in resolved.items():
        stage.say(device, style="dim")
        for target in answer.targets:
            stage.line(f"  {target.kind:<18}{target.uri}")
    stage.say("Where browsers come to that follow it over HTTP:")
    for device, landing in landings.items():
        shown = landing.goes_to or "a page with its code for a phone's camera"
        stage.line(f"  {device:<18}{landing.status} {shown}")


def _follow(link_server: str, url: str, user_agent: str) -> _Landing:
    """Follow a link to where the link host's server listens, no further than its answer."""
    server, link = urlsplit(link_server), urlsplit(url)
    connection = HTTPConnection(server.hostname or "", server.port, timeout=_SECONDS)
    try:
        connection.request("GET", f"{link.path}?{link.query}", headers={"User-Agent": user_agent, "Host": link.netloc})
        answer = connection.getresponse()
        return _Landing(answer.status, answer.getheader("Location") or "", answer.read().decode(errors="replace"))
    finally:
        connection.close()


async def _reason(call: Awaitable[object]) -> str:
    try:
        await call
    except SluicegateError as error:
        return error.reason
    return "nothing"
