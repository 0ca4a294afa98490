"""What following links asks of Salesforce, and what it refuses before."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admin.links.follower import Follower
from service.admin.links.link_host import LinkHost
from service.context import CallContext
from service.deep_links.device import Device, Platform
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.plan import LeftOut, TargetKind
from service.deep_links.resolver import RecordState, Resolution, Target
from service.errors import (
    AccessDenied,
    AmbiguousExternalId,
    DeadlineExceeded,
    InvalidLink,
    InvalidRequest,
    QueueFull,
    RecordNotFound,
    SluicegateError,
    UnknownField,
    UnknownOrg,
    UpstreamUnavailable,
)
from service.orgs.links import Found, Lookup, Resolved, Wanted
from tests.support.clock import FakeClock

PHONE = Device(Platform.IOS)
CLAIMED = Device(Platform.ANDROID)
COMPUTER = Device(Platform.WEB)
STORE = Target(TargetKind.STORE, "https://store.example.com/", "because")
WEB = Target(TargetKind.WEB, "https://www.example.com/", "because")
HOST = LinkHost("https://links.example.com", frozenset({Platform.ANDROID}))
PEOPLE = 40


class Links:
    """An org's links, whose records are looked up when the test says so."""

    def __init__(self) -> None:
        self.answer = Found(RecordState.FOUND, "00Q010000000001EAA")
        self.needing: tuple[TargetKind, ...] = (TargetKind.APP_LINK,)
        """Kinds of targets whose addresses need the record's id."""
        self.asked: list[str] = []
        self.fault: SluicegateError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def read(self, url: str, _call: CallContext) -> Link:
        values = dict(pair.split("=", 1) for pair in url.partition("?")[2].split("&") if "=" in pair)
        key = values["i"] if "i" in values else ExternalId("Ext__c", unquote(values.get("k", "")))
        return Link("prod", LinkedRecord("Lead", key), "web", 0)

    async def find(self, record: LinkedRecord, _wanted: Wanted, _call: CallContext) -> Found:
        assert isinstance(record.key, ExternalId)
        self.asked.append(record.key.value)
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return self.answer

    async def resolve(
        self, link: Link, _device: Device, _call: CallContext, wanted: Wanted, found: Found | None = None
    ) -> Resolved:
        if wanted.lookup is Lookup.NEVER:
            if TargetKind.WEB in self.needing:
                raise InvalidRequest("nothing opens")
            left_out = tuple(LeftOut(kind, "needs the id") for kind in self.needing)
            return Resolved(Resolution("web", (STORE, WEB), left_out), link, RecordState.UNKNOWN, None)
        state = found.state if found else RecordState.UNKNOWN
        if found and found.error:
            raise found.error
        return Resolved(Resolution("web", (STORE, WEB)), link, state, None)


class Orgs:
    """The configured orgs: one of the name prod, and those that are given."""

    def __init__(self, links: Links, **others: Links) -> None:
        self._orgs = {name: Org(name, each) for name, each in {"prod": links, **others}.items()}

    def get(self, name: str) -> "Org":
        if name not in self._orgs:
            raise UnknownOrg("no such org")
        return self._orgs[name]


@dataclass
class Org:
    """A configured org."""

    name: str
    links: Links


@pytest.fixture
def links() -> Links:
    return Links()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def follower(links, clock) -> Follower:
    orgs: Any = Orgs(links)
    return Follower(orgs, HOST, clock)


def call(clock: FakeClock) -> CallContext:
    return CallContext("GET /l", "id", clock)


async def test_a_record_by_id_is_not_looked_up(follower, links, clock):
    """Its id is all that an address needs."""
    followed = await follower.follow("g=prod&i=00Q010000000001EAA", PHONE, call(clock))

    assert (STORE, WEB) == followed.targets
    assert [] == links.asked


@pytest.mark.parametrize(
    ("device", "needing", "asked"),
    [
        (PHONE, [], False),
        (PHONE, [TargetKind.LIGHTNING, TargetKind.SALESFORCE_MOBILE], False),
        (PHONE, [TargetKind.APP_LINK], True),
        (PHONE, [TargetKind.PROVIDER_LINK], True),
        (PHONE, [TargetKind.WEB], True),
        (CLAIMED, [TargetKind.APP_LINK, TargetKind.APP_SCHEME], False),
        (CLAIMED, [TargetKind.STORE], True),
        (COMPUTER, [TargetKind.APP_LINK, TargetKind.STORE], False),
        (COMPUTER, [TargetKind.LIGHTNING], True),
        (COMPUTER, [TargetKind.WEB], True),
    ],
)
async def test_salesforce_is_asked_for_what_is_opened(follower, links, clock, device, needing, asked):
    """An id that no address of such a device needs is not asked for."""
    links.needing = tuple(needing)

    await follower.follow("g=prod&k=L-1", device, call(clock))

    assert (["L-1"] if asked else []) == links.asked


async def test_an_answer_counts_for_a_minute(follower, links, clock):
    """Then Salesforce is asked anew, for each record by itself."""
    for seconds, key in ((0, "L-1"), (59, "L-1"), (0, "L-2"), (1, "L-1"), (0, "L-1")):
        clock.advance(seconds)
        await follower.follow(f"g=prod&k={key}", PHONE, call(clock))

    assert ["L-1", "L-2", "L-1"] == links.asked


async def test_that_a_record_is_gone_counts_as_well(follower, links, clock):
    """A link that leads nowhere costs no more than others, whether there is a page for it or not."""
    links.answer = Found(RecordState.MISSING)
    page = [await follower.follow("g=prod&k=L-1", PHONE, call(clock)) for _ in range(3)]
    links.answer = Found(RecordState.MISSING, error=RecordNotFound("no such record"))

    for _ in range(3):
        with pytest.raises(RecordNotFound):
            await follower.follow("g=prod&k=L-2", PHONE, call(clock))

    assert [True] * 3 == [followed.is_gone for followed in page]
    assert ["L-1", "L-2"] == links.asked


@pytest.mark.parametrize("error", [UnknownField("no such field"), AmbiguousExternalId("two"), AccessDenied("no")])
async def test_what_cannot_be_looked_up_counts_as_well(follower, links, clock, error):
    """A link that was made wrongly costs strangers one call a minute and not one each time."""
    links.fault = error

    for seconds in (0, 0, 59, 1):
        clock.advance(seconds)
        with pytest.raises(type(error), match=error.message):
            await follower.follow("g=prod&k=L-1", PHONE, call(clock))

    assert ["L-1"] * 2 == links.asked


@pytest.mark.parametrize("fault", [None, UpstreamUnavailable("away"), DeadlineExceeded("late")])
async def test_that_salesforce_could_not_tell_counts_for_a_second(follower, links, clock, fault):
    """A crowd asks it once; the next who follows the link may have more luck."""
    links.answer, links.fault = Found(), fault
    failures = 0

    for seconds in (0, 0, 0.9, 0.1):
        clock.advance(seconds)
        try:
            await follower.follow("g=prod&k=L-1", PHONE, call(clock))
        except SluicegateError:
            failures += 1

    assert 4 * (fault is not None) == failures
    assert ["L-1"] * 2 == links.asked


async def test_what_is_remembered_of_an_error_is_small(follower, links, clock):
    """No frame of the request that met it first, nor of the one that met it last, lives on with it."""
    links.fault = UnknownField("no such field", metadata={"object": "Lead"})
    met = []

    for _ in range(3):
        with pytest.raises(UnknownField) as raised:
            await follower.follow("g=prod&k=L-1", PHONE, call(clock))
        met.append(raised.value)

    assert 3 == len({id(error) for error in met})
    assert {("no such field", "Lead")} == {(error.message, error.metadata["object"]) for error in met}


async def test_an_org_that_hangs_holds_up_no_other(links, clock):
    """Its links wait for it; those of the others have their own turns."""
    hanging = Links()
    hanging.may_answer.clear()
    orgs: Any = Orgs(links, hanging=hanging)
    follower = Follower(orgs, HOST, clock)
    async with asyncio.TaskGroup() as people:
        for number in range(256):
            people.create_task(follower.follow(f"g=hanging&k=L-{number}", PHONE, call(clock)))
        for _ in range(10):
            await asyncio.sleep(0)
        followed = await follower.follow("g=prod&k=L-1", PHONE, call(clock))
        hanging.may_answer.set()

    assert (STORE, WEB) == followed.targets


async def test_few_are_asked_for_at_a_time(follower, links, clock):
    """However many follow links at once, eight look-ups are open; who waits for one that another made asks no more."""
    links.may_answer.clear()
    async with asyncio.TaskGroup() as people:
        for number in range(PEOPLE):
            people.create_task(follower.follow(f"g=prod&k=L-{number % 20}", PHONE, call(clock)))
        for _ in range(10):
            await asyncio.sleep(0)
        open_at_once = len(links.asked)
        links.may_answer.set()

    assert 8 == open_at_once
    assert 20 <= len(links.asked) < PEOPLE


async def test_who_would_wait_too_long_is_told_to_come_back(follower, links, clock):
    """Beyond 256 nobody waits, and those who do are served."""
    links.may_answer.clear()
    async with asyncio.TaskGroup() as people:
        waiting = [people.create_task(follower.follow(f"g=prod&k=L-{n}", PHONE, call(clock))) for n in range(256)]
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(QueueFull) as raised:
            await follower.follow("g=prod&k=L-x", PHONE, call(clock))
        links.may_answer.set()

    assert 1 == raised.value.retry_after_seconds
    assert 256 == len([task.result() for task in waiting])
    assert "L-x" not in links.asked


@pytest.mark.parametrize(
    "query", ["", "k=L-1", "g=", "g=other&k=1", "g=prod&g=prod&k=1", "g=%FF", "g=prod&k=\udcff", "g=prod&k=é", "g"]
)
async def test_what_names_no_org(follower, links, clock, query):
    """It is no link of anyone's, and nobody is asked."""
    with pytest.raises(InvalidLink):
        await follower.follow(query, PHONE, call(clock))

    assert [] == links.asked


@given(st.text(max_size=200))
async def test_any_query_is_a_link_or_refused(query):
    """No text makes it fail in another way."""
    clock = FakeClock()
    orgs: Any = Orgs(Links())

    try:
        await Follower(orgs, HOST, clock).follow(query, PHONE, call(clock))
    except InvalidLink:
        return
    assert "g=prod" in query
