"""The deep links of one org: made, read, resolved with what Salesforce knows of the record, and claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct, structs

from service.context import CallContext
from service.deep_links.claim_store import ClaimStore
from service.deep_links.claims import Claim, Claims, invalid_claim, token_of
from service.deep_links.config import LinkConfig
from service.deep_links.device import Device, Platform
from service.deep_links.grammar import invalid_request
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.resolver import GONE, Knowledge, RecordState, Resolution, Resolver
from service.deep_links.shortener import Shortener
from service.deep_links.signer import LinkSigner
from service.errors import (
    Exhausted,
    FieldViolation,
    InvalidRequest,
    OrgAuthenticationFailed,
    RecordDeleted,
    RecordNotFound,
    ShortLinkUnavailable,
    SluicegateError,
    Unavailable,
    UnknownObject,
)
from service.orgs import diagnosis, reading
from service.orgs.descriptions import Descriptions
from service.orgs.guard import Guard
from service.orgs.reading import FoundRecord
from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.calls.paths import is_segment
from service.salesforce.calls.writes import ExternalKey
from service.salesforce.client import SalesforceClient
from service.salesforce.ids import long_id
from service.telemetry import logs
from service.telemetry.intervals import Intervals

_log = logs.get_logger(__name__)

_NOT_NOW = (Unavailable, Exhausted, OrgAuthenticationFailed)
"""Why Salesforce cannot be asked: a link still opens what needs no answer."""


_TELL_SECONDS = 10
"""Between two lines about links that are resolved without Salesforce for one reason."""
_ONLY_ID = ("Id",)
"""Fields to read where only the record's existence matters."""


class Lookup(StrEnum):
    """Whether Salesforce is asked for the record."""

    AS_NEEDED = "as_needed"
    NEVER = "never"
    ALWAYS = "always"


class Wanted(Struct, frozen=True, gc=False):
    """What a caller wants to know beside what to open."""

    fields: Sequence[str] = ()
    """API names of fields of the record."""
    lookup: Lookup = Lookup.AS_NEEDED
    provider: str = ""
    """Name of a provider to use in place of the link's own; empty for that."""


class Resolved(Struct, frozen=True, gc=False):
    """What a link opens, and what was learned of its record."""

    resolution: Resolution
    link: Link
    """What was followed, with the record's Salesforce id where it is known."""
    state: RecordState
    record: FoundRecord | None
    """The record with the fields that were wanted; None if none were, or if it is gone."""
    deferred_token: str = ""
    """What lets an app claim the link after its installation; empty if it need not, or cannot, be installed."""
    token_expires_at: int = 0
    """When that ends, in seconds since the epoch."""

    def __repr__(self) -> str:
        """Name what is known of the record; targets and token are for whoever follows the link."""
        return f"Resolved(state={self.state.value!r})"


class ShortLink(Struct, frozen=True, gc=False):
    """The short form of a link."""

    url: str
    """The short link; empty if there is none."""
    error: ShortLinkUnavailable | None = None
    """Why there is none, where the settings say to do without."""


class Found(Struct, frozen=True, gc=False):
    """What Salesforce told of a record."""

    state: RecordState = RecordState.UNKNOWN
    record_id: str | None = None
    record: FoundRecord | None = None
    error: SluicegateError | None = None
    """What was in the way: it fails the call if nothing opens without the record."""
    why_no_id: str = "the record was not looked up"


class OrgLinks:
    """The deep links of one org. Safe to share between tasks.

    Args:
        client: Its HTTP API.
        tokens: Its access tokens, for the instance URL that links point at.
        guard: Says what may be asked of it.
        descriptions: What its sObjects look like.
        config: How its links look.
        claim_store: Remembers which links were claimed; None if none may be.
        shorteners: Make the short links of providers, by the provider's name.

    """

    def __init__(
        self,
        client: SalesforceClient,
        tokens: TokenCache,
        *,
        guard: Guard,
        descriptions: Descriptions,
        config: LinkConfig,
        claim_store: ClaimStore | None,
        shorteners: Mapping[str, Shortener],
    ) -> None:
        self._name = client.org
        self._client = client
        self._tokens = tokens
        self._guard = guard
        self._descriptions = descriptions
        self._config = config
        self._shorteners = shorteners
        self._signer = LinkSigner(config)
        self._resolver = Resolver(config)
        login = tokens.login_url.rstrip("/")
        # A My Domain login host is the instance itself; only the shared login hosts must be asked.
        self._own_instance = login if (urlsplit(login).hostname or "").endswith(".my.salesforce.com") else None
        self._told = Intervals(_TELL_SECONDS)
        self._claims = Claims(client.org, config.keys, ttl_seconds=config.claim_ttl_seconds, store=claim_store)

    def create(self, link: Link, ttl_seconds: int | None, context: CallContext) -> tuple[str, int]:
        """Return a signed link and when it expires, in seconds since the epoch. Salesforce is not asked.

        Args:
            link: What the link says; its org and expiry are filled in here.
            ttl_seconds: How long it is valid; None for the org's default.
            context: The call it is for.

        Raises:
            service.errors.InvalidRequest: A part cannot stand in a link, the record's id is damaged, or nobody could
                ask Salesforce for its external id.

        """
        key = link.record.key
        if isinstance(key, str):
            link = replace(link, record=LinkedRecord(link.record.object, long_id(key, "record.id")))
        elif not is_segment(key.value):
            raise invalid_request(
                "record.external_id.value", f"cannot be {key.value!r}: Salesforce cannot be asked for it"
            )
        expires_at = self._signer.expiry(context.clock.now(), ttl_seconds)
        return self._signer.write(replace(link, org=self._name, expires_at=expires_at)), expires_at

    def check_short(self, provider: str) -> None:
        """Raise InvalidRequest if the links of a provider have no short form.

        Args:
            provider: Its name; empty for the org's default.

        """
        name = provider or self._config.default_provider
        if name not in self._shorteners:
            raise invalid_request(
                "short", f"must be left out: the provider {name!r} has no links.providers.{name}.short in the settings"
            )

    async def shorten(self, link: Link, url: str, expires_at: int, context: CallContext) -> ShortLink:
        """Ask a link's provider for a short link to it, which `check_short` allows.

        Args:
            link: What `create` was given.
            url: The signed link.
            expires_at: When that ends, in seconds since the epoch.
            context: The call it is for.

        Raises:
            service.errors.ShortLinkUnavailable: There is none, and the settings do not say to do without.
            service.errors.InvalidRequest: The record's key could mean another place to an app.
            service.errors.DeadlineExceeded: No time is left.

        """
        shortener = self._shorteners[link.provider or self._config.default_provider]
        try:
            return ShortLink(await shortener.shorten(replace(link, expires_at=expires_at), url, context))
        except ShortLinkUnavailable as error:
            if shortener.form.long_instead:
                return ShortLink("", error)
            raise

    def is_old(self, url: str) -> bool:
        """Tell whether an address is a link of before that may be read.

        A host that was Firebase's may be the link host by now: what has the form of a signed link must be signed.
        """
        return self._config.old_links.are_at(url) and not self._signer.writes(url)

    def renewed(self, link: Link, context: CallContext) -> str:
        """Return a signed link in place of one of before; empty if no link holds that much.

        Args:
            link: What `read` returned of a link of before.
            context: The call it is for.

        """
        try:
            return self.create(link, None, context)[0]
        except InvalidRequest:
            return ""

    def read(self, url: str, context: CallContext) -> Link:
        """Return what a signed link of this org says, or one of before.

        Raises:
            service.errors.InvalidLink: The link is malformed, altered, or of another org.
            service.errors.LinkExpired: It is past its expiry.

        """
        if self.is_old(url):
            return self._config.old_links.read(url, org=self._name)
        return self._signer.read(url, org=self._name, now=context.clock.now())

    async def resolve(
        self, link: Link, device: Device, context: CallContext, wanted: Wanted, found: Found | None = None
    ) -> Resolved:
        """Return what a link opens.

        A record given by external id costs one call to Salesforce, unless the caller wants none; one given by id costs
        none, unless the caller wants to know more of it. While Salesforce cannot be asked the link opens what needs no
        answer, unless the caller wants one.

        Args:
            link: What was followed.
            device: Who followed it.
            context: The call it is for.
            wanted: What else the caller wants to know.
            found: What `find` returned a moment ago, for a caller that keeps it: then nobody is asked anew.

        Raises:
            service.errors.RecordNotFound: There is no such record, nor anything to open without it.
            service.errors.RecordDeleted: It is in the recycle bin, and the same.
            service.errors.UnknownObject: The org has no such sObject.
            service.errors.UnknownField: The field is no external id of the sObject, or a wanted field does not exist.
            service.errors.InvalidRequest: The record's id is damaged, the provider is not configured, or nothing opens.

        """
        if wanted.provider:
            self._config.check_provider(wanted.provider)
            link = link.on(wanted.provider)
        if wanted.fields and wanted.lookup is Lookup.NEVER:
            raise invalid_request("fields", "cannot be read without a look-up: leave them or `lookup` out")
        found = found or await self.find(link.record, wanted, context)
        instance, fault = await self._instance_url(wanted, context)
        known = Knowledge(instance, found.record_id, why_no_id=found.why_no_id)
        plan = self._resolver.plan(link, device)
        if found.state in GONE:
            gone = self._resolver.resolve_gone(plan, link, device, known, found.state)
            if gone is None and found.error is not None:
                # It may have been raised before: its way through the program then is of no interest.
                raise found.error.with_traceback(None)
            if gone is not None:
                return Resolved(gone, link, found.state, None)
        token, expires_at = "", 0
        if plan.is_deferred:
            token, expires_at = self._claims.make(link, device.platform, context.clock.now())
            known = structs.replace(known, deferred_token=token)
        try:
            resolution = self._resolver.resolve(plan, link, device, known)
        except InvalidRequest:
            error = found.error or fault
            if error is None:
                raise
            raise error from None
        if found.record_id is not None and found.record_id != link.record.key:
            link = replace(link, record=LinkedRecord(link.record.object, found.record_id))
        return Resolved(resolution, link, found.state, found.record, token, expires_at)

    async def claim(
        self, *, token: str, install_referrer: str, platform: Platform, claimant: str, context: CallContext
    ) -> Claim:
        """Return what an app was installed for; see `Claims.take`.

        Args:
            token: The claim; empty if the referrer holds it.
            install_referrer: What Google Play told the app.
            platform: Where the app was started.
            claimant: Names this start of the app among all; empty if a repeat is to fail.
            context: The call it is for.

        """
        if install_referrer:
            if platform is not Platform.ANDROID:
                raise invalid_claim(
                    "platform", "is Google Play's, which is on Android only", field="install_referrer", subject="it"
                )
            token = token_of(install_referrer)
        return await self._claims.take(token, platform, context.clock.now(), claimant=claimant)

    async def find(self, record: LinkedRecord, wanted: Wanted, context: CallContext) -> Found:
        """Return what Salesforce tells of a record, if it must be asked; that there is none is an answer too.

        Args:
            record: The record.
            wanted: What the caller wants to know.
            context: The call it is for.

        Raises:
            service.errors.SluicegateError: As `resolve` does.

        """
        key = record.key
        record_id = long_id(key, "record.id") if isinstance(key, str) else None
        is_asked = bool(wanted.fields) or wanted.lookup is Lookup.ALWAYS
        if wanted.lookup is Lookup.NEVER or (record_id is not None and not is_asked):
            return Found(record_id=record_id)
        try:
            self._guard.admit(context)
            if is_asked:
                return await self._read(record, record_id, wanted.fields, context)
            assert isinstance(key, ExternalId)
            return Found(RecordState.FOUND, await self._look_up(record.object, key, context))
        except (RecordNotFound, RecordDeleted) as error:
            state = RecordState.DELETED if isinstance(error, RecordDeleted) else RecordState.MISSING
            return Found(state, record_id, error=error)
        except _NOT_NOW as error:
            if is_asked:
                raise
            self._report(error, context)
            return Found(error=error, why_no_id="Salesforce cannot be asked for it now")

    async def _read(
        self, record: LinkedRecord, record_id: str | None, fields: Sequence[str], context: CallContext
    ) -> Found:
        key = record.key if isinstance(record.key, ExternalId) else None
        external = ExternalKey(key.field, key.value) if key is not None else None
        found = await reading.read(
            self._client, self._descriptions, record.object, record_id or "", external, fields or _ONLY_ID, context
        )
        return Found(RecordState.FOUND, found.record_id, found if fields else None)

    async def _look_up(self, sobject: str, key: ExternalId, context: CallContext) -> str:
        """Return a record's id. Where there is none, the description tells whether there could be one."""
        try:
            return await self._client.lookup(sobject, key.field, key.value, context)
        except RecordNotFound as error:
            missing = error
        try:
            description = await self._descriptions.get(sobject, context)
        except UnknownObject as error:
            fault = FieldViolation("record.object", error.message)
            raise UnknownObject(error.message, metadata=error.metadata, violations=[fault]) from missing
        raise diagnosis.without_key(missing, description, within="record.") or missing

    async def _instance_url(
        self, wanted: Wanted, context: CallContext
    ) -> tuple[str, None] | tuple[None, SluicegateError | None]:
        """Return the org's origin; if nobody knows it now and nobody needs it, what was in the way."""
        if self._own_instance is not None:
            return self._own_instance, None
        if wanted.lookup is Lookup.NEVER:
            return (self._tokens.known.instance_url.rstrip("/"), None) if self._tokens.known else (None, None)
        try:
            return (await self._tokens.current(context)).instance_url.rstrip("/"), None
        except _NOT_NOW as error:
            if wanted.lookup is Lookup.ALWAYS or wanted.fields:
                raise
            self._report(error, context)
            return None, error

    def _report(self, error: SluicegateError, context: CallContext) -> None:
        """Log that links are resolved without Salesforce, which callers may not notice; some are strangers'."""
        if self._told.begins(error.reason, context.clock.monotonic()):
            _log.warning(
                "deep links are resolved without Salesforce", org=self._name, reason=error.reason, message=error.message
            )
