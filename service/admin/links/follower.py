"""Checks a link that a browser followed, and resolves it for the browser's device.

Strangers follow links, as often as they like, so Salesforce is asked as little as can be: not at all where what is
opened needs no answer, once a minute for one record, for few records at a time, and while it is out of order rarely.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from msgspec import structs

from service.admin.links.link_host import LinkHost
from service.admin.links.recent import Recent
from service.clock import Clock
from service.context import CallContext
from service.deep_links.device import Device, Platform
from service.deep_links.grammar import MAX_LINK_LENGTH
from service.deep_links.link import Link, LinkedRecord
from service.deep_links.plan import TargetKind
from service.deep_links.resolver import GONE, RecordState, Target
from service.errors import (
    AccessDenied,
    Conflict,
    InvalidArgument,
    InvalidLink,
    InvalidRequest,
    NotFound,
    QueueFull,
    SluicegateError,
    UnknownOrg,
)
from service.orgs.links import Found, Lookup, Resolved, Wanted
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry

MAX_QUERY_LENGTH = MAX_LINK_LENGTH
"""Characters; no link has more."""

_REMEMBER_SECONDS = 60
_TROUBLE_SECONDS = 1
"""How long it counts that Salesforce could not tell: those who come back find it in order soon, a crowd asks once."""
_MOST_REMEMBERED = 4096
_MOST_LOOKUPS = 8
"""Records of an org that are looked up at a time."""
_MOST_WAITING = 256
"""For a look-up in one org."""
_LASTING = (InvalidArgument, NotFound, Conflict, AccessDenied)
"""What Salesforce says no sooner otherwise than it does of a record."""

_ON_COMPUTERS = frozenset({TargetKind.LIGHTNING, TargetKind.WEB})
_ON_PHONES = frozenset(TargetKind) - {TargetKind.LIGHTNING, TargetKind.SALESFORCE_MOBILE}
_WITHOUT_APP = _ON_PHONES - {TargetKind.APP_LINK, TargetKind.APP_SCHEME}
"""What a browser is sent to, and so worth asking Salesforce for what its address needs."""


_Record = tuple[str, LinkedRecord]
"""An org's name and one of its records."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What a link opens on the device that followed it."""

    targets: tuple[Target, ...]
    """Best first."""
    is_gone: bool
    """Whether the record is known not to be there."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Salesforce told of a record, to be given to whoever follows a link to it."""

    found: Found | None
    """None if the look-up failed."""
    error: SluicegateError | None
    """Why it failed, or what `found` has to say; nobody raises this one itself."""
    is_lasting: bool

    def given(self) -> Found:
        """Return what was found, or raise what was in the way: a copy, which may keep its way through the program."""
        error = None if self.error is None else _copy(self.error)
        if self.found is not None:
            return structs.replace(self.found, error=error)
        assert error is not None
        raise error


class _Lookups:
    """Those who wait for a look-up in one org."""

    def __init__(self) -> None:
        self._open = asyncio.Semaphore(_MOST_LOOKUPS)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one of the few turns.

        Raises:
            QueueFull: Too many wait already.

        """
        if self._waiting >= _MOST_WAITING:
            raise QueueFull("too many links are being followed", retry_after_seconds=1)
        self._waiting += 1
        try:
            async with self._open:
                yield
        finally:
            self._waiting -= 1


class Follower:
    """Finds out what links open.

    Args:
        orgs: The configured orgs.
        host: Where links point.
        clock: Tells how long what was looked up counts.

    """

    def __init__(self, orgs: OrgRegistry, host: LinkHost, clock: Clock) -> None:
        self._orgs = orgs
        self.host = host
        self._known: Recent[_Record, _Answer] = Recent(clock, seconds=_REMEMBER_SECONDS, most=_MOST_REMEMBERED)
        self._troubled: Recent[_Record, _Answer] = Recent(clock, seconds=_TROUBLE_SECONDS, most=_MOST_REMEMBERED)
        self._lookups: dict[str, _Lookups] = {}
        """By org: one that hangs holds up no other."""

    async def follow(self, query: str, device: Device, call: CallContext) -> Followed:
        """Return what a link opens.

        Args:
            query: What stands behind `/l?`, as it was sent.
            device: The device of the browser.
            call: The request.

        Raises:
            service.errors.InvalidLink: It is not a link that was made here, or was altered.
            service.errors.LinkExpired: It is past its expiry.
            service.errors.QueueFull: Too many records are being looked up.
            service.errors.SluicegateError: It opens nothing, or not now.

        """
        org = self._org_of(query)
        link = org.links.read(self.host.link_of(query), call)
        found = None
        if not isinstance(link.record.key, str):
            unasked = await self._unasked(org, link, device, call)
            if unasked is not None:
                return unasked
            found = await self._find(org, link.record, call)
        return _followed(await org.links.resolve(link, device, call, Wanted(), found))

    async def _unasked(self, org: Org, link: Link, device: Device, call: CallContext) -> Followed | None:
        """Return what opens without Salesforce's answer; None if more would with it."""
        try:
            resolved = await org.links.resolve(link, device, call, Wanted(lookup=Lookup.NEVER))
        except InvalidRequest:
            return None
        if device.platform is Platform.WEB:
            wanted = _ON_COMPUTERS
        else:
            wanted = _WITHOUT_APP if device.platform in self.host.claimed else _ON_PHONES
        lacking = any(left_out.kind in wanted for left_out in resolved.resolution.left_out)
        return None if lacking else _followed(resolved)

    async def _find(self, org: Org, record: LinkedRecord, call: CallContext) -> Found:
        """Return what Salesforce tells of a record, or told a moment ago."""
        place = (org.name, record)
        answer = self._told(place)
        if answer is None:
            async with self._lookups.setdefault(org.name, _Lookups()).turn():
                # Another request for it may have been answered meanwhile.
                answer = self._told(place)
                if answer is None:
                    answer = await _asked(org, record, call)
                    self._memory_of(answer).put(place, answer)
        return answer.given()

    def _told(self, place: "_Record") -> "_Answer | None":
        return self._known.get(place) or self._troubled.get(place)

    def _memory_of(self, answer: "_Answer") -> "Recent[_Record, _Answer]":
        return self._known if answer.is_lasting else self._troubled

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


async def _asked(org: Org, record: LinkedRecord, call: CallContext) -> _Answer:
    """Ask Salesforce for a record."""
    try:
        found = await org.links.find(record, Wanted(), call)
    except SluicegateError as error:
        return _Answer(None, _copy(error), isinstance(error, _LASTING))
    told = None if found.error is None else _copy(found.error)
    return _Answer(structs.replace(found, error=None), told, found.state is not RecordState.UNKNOWN)


def _copy(error: SluicegateError) -> SluicegateError:
    """Return the same error without its way through the program, which would keep all that it met from being freed."""
    copied = type(error).__new__(type(error), *error.args)
    vars(copied).update(vars(error))
    return copied


def _followed(resolved: Resolved) -> Followed:
    return Followed(resolved.resolution.targets, resolved.state in GONE)
