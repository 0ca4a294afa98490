"""Signs links and checks them: HMAC-SHA256 in base64url as the last parameter, `s`.

From version 2 on the signature is over what a link of this purpose begins with and the whole text before `&s=`; in
version 1 it is over the address and the sorted parameters. HMAC, because checking an Ed25519 signature takes 120 µs of
processor time where an HMAC takes 2, and whoever checks links here may make them as well.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from service import errors
from service.deep_links.click_ids import without_click_ids
from service.deep_links.config import MAX_TTL_SECONDS, MIN_TTL_SECONDS, LinkConfig
from service.deep_links.grammar import (
    MAX_LINK_LENGTH,
    UNORDERED,
    invalid_link,
    invalid_request,
    link_of,
    parse,
    print_link,
)
from service.deep_links.link import Link

_PURPOSE = "sluicegate-link-2:"
"""Keeps what the same key signed for another purpose from being taken for a link."""


class LinkSigner:
    """Writes and reads the links of one org. It keeps no state beyond its configuration.

    Args:
        config: How links look, and the keys.

    """

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._address = f"{config.host}/l?"

    def expiry(self, now: float, ttl_seconds: int | None) -> int:
        """Return the expiry of a link made now.

        Args:
            now: Seconds since the Unix epoch.
            ttl_seconds: How long the link is valid; None means the org's default.

        Raises:
            errors.InvalidRequest: The time is under a minute or over ten years.

        """
        ttl = self._config.default_ttl_seconds if ttl_seconds is None else ttl_seconds
        if not MIN_TTL_SECONDS <= ttl <= MAX_TTL_SECONDS:
            raise invalid_request("ttl", f"must be {MIN_TTL_SECONDS} to {MAX_TTL_SECONDS} seconds")
        return int(now) + ttl

    def write(self, link: Link) -> str:
        """Return the signed link.

        Args:
            link: What it says. An empty provider means the org's default.

        Raises:
            errors.InvalidRequest: A part has a shape that a link cannot carry, the provider is not configured, or
                the link would be longer than 4,096 characters; the violation names the field.

        """
        if not link.provider:
            link = link.on(self._config.default_provider)
        self._config.check_provider(link.provider)
        key = self._config.keys.signing()
        unsigned = self._address + print_link(link, key.id)
        url = f"{unsigned}&s={_signature(key.secret, _PURPOSE + unsigned)}"
        if len(url) > MAX_LINK_LENGTH:
            raise invalid_request("record", f"makes a link longer than {MAX_LINK_LENGTH} characters")
        return url

    def writes(self, url: str) -> bool:
        """Tell whether an address is where links point, whatever follows: without a signature it opens nothing."""
        return url.startswith(self._address)

    def read(self, url: str, *, org: str, now: float) -> Link:
        """Check a link and return what it says.

        Args:
            url: The link, exactly as it was written; click ids behind it are left out.
            org: Name of the org it must have been made for.
            now: Seconds since the Unix epoch.

        Raises:
            errors.InvalidLink: It is not a link of this org, or any byte of it was changed; metadata: parameter.
            errors.LinkExpired: It was valid and its time is over; metadata: expired_at.

        """
        if len(url) > MAX_LINK_LENGTH:
            raise invalid_link("url", f"is longer than {MAX_LINK_LENGTH} characters")
        url = without_click_ids(url)
        if not self.writes(url):
            raise self._wrong_address(url)
        query = url[len(self._address) :]
        values = parse(query)
        key = self._config.keys.find(values["kid"])
        if key is None:
            raise invalid_link("kid", "names a key that is not configured")
        signed = self._signed_1(query) if values["v"] == UNORDERED else _PURPOSE + url.rpartition("&s=")[0]
        if not hmac.compare_digest(_signature(key.secret, signed), values["s"]):
            raise invalid_link("s", "is not the signature of this link")
        return self._valid(values, org, now)

    def _signed_1(self, query: str) -> str:
        return self._address + "&".join(sorted(pair for pair in query.split("&") if not pair.startswith("s=")))

    @staticmethod
    def _valid(values: Mapping[str, str], org: str, now: float) -> Link:
        if values["g"] != org:
            raise invalid_link("g", "names another org than the request")
        link = link_of(values)
        if now >= link.expires_at:
            moment = datetime.fromtimestamp(link.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise errors.LinkExpired(
                f"the link expired at {moment}; ask its sender for a new one", metadata={"expired_at": moment}
            )
        return link

    def _wrong_address(self, url: str) -> errors.InvalidLink:
        try:
            parts = urlsplit(url)
        except ValueError:
            return invalid_link("url", "is not an address")
        host = self._config.host.removeprefix("https://")
        if parts.scheme != "https":
            return invalid_link("scheme", "must be https")
        if "@" in parts.netloc:
            return invalid_link("user", "must be absent")
        if parts.netloc.partition(":")[0] == host and parts.netloc != host:
            return invalid_link("port", "must be absent")
        if parts.netloc != host:
            return invalid_link("host", f"must be {host}")
        return invalid_link("path", "must be /l, followed by the parameters")


def _signature(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, text.encode("ascii"), "sha256")
    return urlsafe_b64encode(digest)[:-1].decode("ascii")
