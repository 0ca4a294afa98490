"""One access token per org: asked for once however many calls wait, and never hammered when the grant is dead."""

import re
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode, urlsplit

import msgspec

from service.context import CallContext
from service.errors import OrgAuthenticationFailed, SluicegateError, UpstreamUnavailable
from service.salesforce.answers import UNREADABLE
from service.salesforce.auth.flows import Flow
from service.salesforce.line import Line
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, Transport

_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path, not a secret
_LATCH_SECONDS = 30.0
"""How long a refusal is remembered: long enough to spare the login limit, short enough for a mended setting."""
_REJECTED_SECONDS = 5.0
"""How long no further token is asked for when the org refuses even a new one."""
_TRANSIENT_ERRORS = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What can stand in a header."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_OK = 200
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and where it is good."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str
    """18 characters; empty if the answer named no identity."""


class _Grant(msgspec.Struct):
    access_token: str
    instance_url: str
    id: str = ""


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class TokenCache:
    """Keeps the org's token and gets a new one when a token failed.

    Callers pass the token that failed to `renew`; if another caller has renewed it meanwhile, that one's token is
    returned without asking again. A caller that is cancelled while it asks leaves the asking to the next one. If the
    login host cannot be reached, all who wait hear so at once.

    Args:
        transport: Sends the token request; gets whole URLs.
        flow: Makes the token request.
        login_url: Scheme and host that answer token requests.
        allowed_hosts: Hosts that an answer's `instance_url` may name; a leading dot allows subdomains.
        org: The org's configured name, for errors.

    """

    def __init__(
        self, transport: Transport, flow: Flow, *, login_url: str, allowed_hosts: tuple[str, ...], org: str
    ) -> None:
        self._transport = transport
        self._flow = flow
        self.login_url = login_url
        """Scheme and host that answer token requests."""
        self._allowed_hosts = allowed_hosts
        self._org = org
        self._line: Line[Token] = Line()
        self._token: Token | None = None
        self._refusal: tuple[float, SluicegateError] | None = None

    @property
    def known(self) -> Token | None:
        """The token that is there without asking; None if there is none yet."""
        return self._token

    async def current(self, context: CallContext) -> Token:
        """Return the token, getting the first one if there is none.

        Raises:
            OrgAuthenticationFailed: Salesforce refuses the credentials; remembered for half a minute.
            UpstreamUnavailable: The login host cannot be reached.

        """
        return self._token or await self.renew(None, context)

    async def renew(self, failed: Token | None, context: CallContext) -> Token:
        """Return a token other than the one that failed.

        Args:
            failed: The token that Salesforce refused.
            context: The call it is for.

        Raises:
            OrgAuthenticationFailed: Salesforce refuses the credentials; remembered for half a minute.
            UpstreamUnavailable: The login host cannot be reached.

        """
        return await self._line.join(partial(self._renewed, failed, context))

    def reject(self, token: Token, context: CallContext) -> None:
        """Take note that a token was refused that had just been renewed: for five seconds no other is asked for.

        Otherwise an org that refuses every session would cost a login for each call, and logins are limited.
        """
        if token is self._token:
            error = OrgAuthenticationFailed(
                f"the org {self._org!r} refuses the session it has just given", metadata={"org": self._org}
            )
            self._refusal = (context.clock.monotonic() + _REJECTED_SECONDS, error)

    async def _renewed(self, failed: Token | None, context: CallContext) -> Token:
        if self._token is not None and self._token is not failed:
            return self._token
        if self._refusal is not None and context.clock.monotonic() < self._refusal[0]:
            raise self._refusal[1]
        try:
            self._token = await self._request(context)
        except OrgAuthenticationFailed as error:
            error.metadata.setdefault("org", self._org)
            self._refusal = (context.clock.monotonic() + _LATCH_SECONDS, error)
            raise
        self._refusal = None
        return self._token

    async def _request(self, context: CallContext) -> Token:
        form = urlencode(dict(self._flow.form(context.clock.now()))).encode()
        request = Request(
            "POST",
            self.login_url + _TOKEN_PATH,
            template=_TOKEN_PATH,
            repeatable=True,
            body=form,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        )
        try:
            response = await self._transport.send(request, context)
        except (NotSent, ConnectionLost) as error:
            raise self._unavailable("cannot be reached") from error
        if response.status >= _SERVER_ERROR:
            raise self._unavailable(f"answers HTTP {response.status}")
        if response.status != _OK:
            raise self._refused(response)
        try:
            grant = msgspec.json.decode(response.content, type=_Grant)
        except UNREADABLE:
            raise self._unavailable("answered something that is not a token") from None
        if not _TOKEN.fullmatch(grant.access_token):
            raise self._unavailable("answered something that is not a token")
        return Token(grant.access_token, self._checked(grant.instance_url), _org_id(grant.id))

    def _refused(self, response: Response) -> SluicegateError:
        try:
            refusal = msgspec.json.decode(response.content, type=_Refusal)
        except UNREADABLE:
            refusal = _Refusal()
        if refusal.error in _TRANSIENT_ERRORS:
            return self._unavailable(f"answers {refusal.error}")
        said = refusal.error_description or f"HTTP {response.status}"
        return OrgAuthenticationFailed(
            f"Salesforce refuses the credentials of the org {self._org!r}: {said[:200]}",
            metadata={"org": self._org, "oauth_error": refusal.error},
        )

    def _unavailable(self, what: str) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            f"the login host of the org {self._org!r} {what}", metadata={"org": self._org}, retry_after_seconds=5.0
        )

    def _checked(self, instance_url: str) -> str:
        """Refuse to send tokens anywhere but to the allowed hosts, whatever an answer says."""
        login = urlsplit(self.login_url)
        try:
            url = urlsplit(instance_url)
        except ValueError:
            url = urlsplit("")
        same_origin = (url.scheme, url.netloc) == (login.scheme, login.netloc)
        host = url.hostname or ""
        allowed = any(host == name or (name.startswith(".") and host.endswith(name)) for name in self._allowed_hosts)
        plain = (
            url.scheme == "https"
            and url.netloc == host
            and bool(_HOST.fullmatch(host))
            and url.path in {"", "/"}
            and not (url.query or url.fragment)
        )
        if not (same_origin or (allowed and plain)):
            raise OrgAuthenticationFailed(
                f"the token answer of the org {self._org!r} names an instance that allowed_hosts does not allow",
                metadata={"org": self._org, "oauth_error": "instance_url"},
            )
        return f"{url.scheme}://{url.netloc}"


def _org_id(identity: str) -> str:
    """The identity URL ends in `/id/<org id>/<user id>`."""
    parts = identity.rsplit("/", 2)
    return parts[1] if len(parts) == 3 else ""  # noqa: PLR2004 - the three parts of the line above
