"""Checks a link that a browser followed, and resolves it for the browser's platform."""

from urllib.parse import unquote

from service.context import CallContext
from service.deep_links.device import Device, Platform
from service.deep_links.grammar import MAX_LINK_LENGTH
from service.deep_links.resolver import Target
from service.errors import InvalidLink, UnknownOrg
from service.orgs.links import Wanted
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry

MAX_QUERY_LENGTH = MAX_LINK_LENGTH
"""Characters; no link has more."""


class Follower:
    """Finds out what links open.

    Args:
        orgs: The configured orgs.
        link_host: Where links point, `https://links.example.com`.

    """

    def __init__(self, orgs: OrgRegistry, link_host: str) -> None:
        self._orgs = orgs
        self.link_host = link_host

    def link_of(self, query: str) -> str:
        """Return the whole link of what stands behind `/l?`."""
        return f"{self.link_host}/l?{query}"

    async def follow(self, query: str, platform: Platform, call: CallContext) -> tuple[Target, ...]:
        """Return what a link opens, best first.

        Args:
            query: What stands behind `/l?`, as it was sent.
            platform: The platform of the browser.
            call: The request.

        Raises:
            service.errors.InvalidLink: It is not a link that was made here, or was altered.
            service.errors.LinkExpired: It is past its expiry.
            service.errors.SluicegateError: It opens nothing, or not now.

        """
        org = self._org_of(query)
        link = org.links.read(self.link_of(query), call)
        resolved = await org.links.resolve(link, Device(platform), call, Wanted())
        return resolved.resolution.targets

    def _org_of(self, query: str) -> Org:
        """Return the org that a link says it was made for; whether it was, its signature tells."""
        if not query.isascii():
            raise InvalidLink("a link holds ASCII characters only")
        names = [pair[2:] for pair in query.split("&") if pair.startswith("g=")]
        if len(names) != 1 or not names[0]:
            raise InvalidLink("a link names one org")
        try:
            return self._orgs.get(unquote(names[0]))
        except UnknownOrg:
            raise InvalidLink("the link's org is not configured") from None
