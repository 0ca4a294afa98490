"""One replica's part in what all replicas share of one org: it tells what it spent and leases what it will spend."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from service.clock import Clock
from service.errors import SharedStoreUnavailable
from service.governor.exchange import BUDGET, Exchange, Report, Standing, ToldUsage
from service.governor.lease import LEASE_SECONDS, SAFE_PART
from service.governor.limits import Limits
from service.governor.mirror import Mirror, Purse
from service.governor.shared_budget import SharedBudget
from service.governor.shared_cap import SharedCap
from service.governor.slots import LONG_RUNNING_SECONDS, Slots
from service.governor.window import DecayingRate
from service.telemetry import logs

_BEAT_SECONDS = LEASE_SECONDS / 3.0
"""How often a replica tells that it lives."""
_SHORTEST_BEAT_SECONDS = 0.25
_LONG_BEAT_SECONDS = 2.0
"""How often while requests are long-running or about to be."""
_NEARLY_LONG_SECONDS = LONG_RUNNING_SECONDS * 0.75
_SHORTEST_GAP_SECONDS = 0.02
_AGAIN_SECONDS = 0.1
"""When the store is asked again after it did not answer once."""
_AWAY_SECONDS = 1.0
"""The same while it is away."""
_AWAY_AFTER = 2
"""So many times without an answer it is taken to be away."""
_GOOD_PART = 0.25
"""What is known of the others is good until all together may have made this part of the calls that are left."""
_SHORTEST_GOOD_SECONDS = 0.05
_RATE_MEMORY_SECONDS = 5.0
_LEAST_RATE = 500.0
"""Calls per second that the others may begin to make any moment; who makes calls itself reckons with them."""
_IDLE_RATE = 0.1
_LONGEST_ABSENCE_SECONDS = 120.0

_log = logs.get_logger(__name__)


class Replica:
    """A `service.governor.local.Shared` that keeps up with the other replicas while it runs.

    No call waits for the store: what may be spent is leased ahead, and asked for again before it runs out. While the
    store is away the replica keeps to its safe share, says so in `budget.is_degraded`, and logs one line; another one
    when the store is back.

    Args:
        org: The org's configured name, for the log.
        limits: The org's bounds.
        exchange: The store.
        clock: Tells the time and waits.
        name: Names the replica; no other has the name, now or later.

    """

    def __init__(self, org: str, limits: Limits, exchange: Exchange, clock: Clock, *, name: str) -> None:
        self._org = org
        self._name = name
        self._exchange = exchange
        self._clock = clock
        self._safe_share = SAFE_PART / limits.max_replicas
        self.budget = SharedBudget(limits, self._wake)
        self.caps: Mapping[str, SharedCap] = {
            caller: SharedCap(each.daily_calls, limits.max_replicas, self._wake)
            for caller, each in limits.callers.items()
            if each.daily_calls is not None
        }
        self._purses: dict[str, Purse] = {BUDGET: self.budget, **self.caps}
        self._mirrors = {name: Mirror() for name in self._purses}
        self._slots: Slots | None = None
        self._standing = Standing("", 0, 0, 0, 1, 0, None, {}, {})
        self._told_at = -math.inf
        self._lost: Standing | None = None
        """The last standing of a store that forgot it, until all replicas told it their leases or those are over."""
        self._lost_until = -math.inf
        self._sequence = 0
        self._spent: dict[str, float] = {}
        self._usage: ToldUsage | None = None
        self._is_told = True
        """Whether what was spent by the last report is known to have arrived."""
        self._failures = 0
        self._rates = {name: DecayingRate(_RATE_MEMORY_SECONDS, _RATE_MEMORY_SECONDS) for name in self._purses}
        """Calls per second of all replicas."""
        self._is_due = False
        self._woken: asyncio.Future[None] | None = None
        self.round_trips = 0
        """Times that the store was asked."""

    def watch(self, slots: Slots) -> None:
        """Tell of these slots' long-running requests, and bound them by those of the others."""
        self._slots = slots

    async def run(self) -> NoReturn:
        """Keep up until cancelled."""
        while True:
            await self._tell(LEASE_SECONDS)
            await self._until_due()

    async def leave(self) -> None:
        """Give back what is left of the leases, if the store is there. Nothing may be spent any more."""
        await self._tell(0.0)

    async def _tell(self, lease_seconds: float) -> None:
        now = self._clock.monotonic()
        self._is_due = False
        report = self._report(lease_seconds, now)
        try:
            standing = await self._ask(report)
        except SharedStoreUnavailable as error:
            self._fail(error)
            return
        self._is_told = True
        self._hear(report, standing, now)
        self._recover()

    async def _ask(self, report: Report) -> Standing:
        self.round_trips += 1
        standing = await self._exchange.exchange(report)
        if standing is None:
            # With its memory the store lost the others' leases, which last nevertheless.
            self._lost = self._standing
            self._lost_until = self._clock.monotonic() + LEASE_SECONDS
            self.round_trips += 1
            memory = {name: mirror.counts for name, mirror in self._mirrors.items()}
            standing = await self._exchange.exchange(replace(report, memory=memory))
        if standing is None:
            raise SharedStoreUnavailable("the shared store forgets what it is told", retry_after_seconds=_AWAY_SECONDS)
        return standing

    def _report(self, lease_seconds: float, now: float) -> Report:
        if self._is_told:
            self._is_told = False
            self._sequence += 1
            self._spent = {name: purse.lease.take_untold(now) for name, purse in self._purses.items()}
            self._usage = self.budget.take_untold(now)
        leases = {name: self._wanted(purse, now) if lease_seconds else 0.0 for name, purse in self._purses.items()}
        for name, calls in leases.items():
            # Whether the answer comes or not, the store may think that no more is reserved from now on.
            lease = self._purses[name].lease
            lease.unspent = min(lease.unspent, calls)
        return Report(
            replica=self._name,
            sequence=self._sequence,
            lease_seconds=lease_seconds,
            epoch=self._standing.epoch,
            serial=self._standing.serial,
            generation=self._standing.generation,
            since=self._standing.minute,
            long_running=self._slots.long_running(now) if self._slots is not None else 0,
            usage=self._usage,
            spent=self._spent,
            leases=leases,
        )

    def _wanted(self, purse: Purse, now: float) -> float:
        # Its own lease is part of what is left, the others' are not.
        return purse.lease.wanted(purse.next_left(now), self._standing.replicas)

    def _hear(self, report: Report, standing: Standing, asked_at: float) -> None:
        now = self._clock.monotonic()
        since = max(self._told_at, now - _LONGEST_ABSENCE_SECONDS)
        for name, purse in self._purses.items():
            news = self._mirrors[name].update(standing.counts.get(name, {}), report.spent[name], standing.minute)
            if news.recent:
                purse.absorb(news.recent, since, now)
            for seconds_ago, calls in news.past:
                purse.recall(calls, now - seconds_ago, now)
            self._rates[name].add(news.recent + report.spent[name], max(0.001, now - since))
        if self._lost is not None and (now >= self._lost_until or standing.replicas >= self._lost.replicas):
            self._lost = None
        if standing.usage is not None:
            self.budget.hear(standing.usage, now)
        for name, purse in self._purses.items():
            lease = purse.lease
            held = standing.held.get(name, 0.0)
            if self._lost is not None:
                held = max(held, self._lost.held.get(name, 0.0))
            lease.renew(report.leases[name] - lease.untold, held, asked_at)
            lease.stale_at = now + self._good_seconds(name, now, _LEAST_RATE)
            self._is_due = self._is_due or lease.unspent < lease.refill_below
        if self._slots is not None:
            self._slots.leave_room(standing.long_running_elsewhere)
        self._standing = standing
        self._told_at = now

    def _good_seconds(self, name: str, now: float, least_rate: float) -> float:
        """Return for how long what is known of the others will do, if they make so many calls a second at least."""
        left = self._purses[name].next_left(now)
        if not left:
            return _BEAT_SECONDS
        seconds = _GOOD_PART * left / max(least_rate, self._rates[name].per_second())
        return min(_BEAT_SECONDS, max(_SHORTEST_GOOD_SECONDS, seconds))

    def _fail(self, error: SharedStoreUnavailable) -> None:
        self._failures += 1
        for purse in self._purses.values():
            purse.lease.rest()
        if self._failures < _AWAY_AFTER or self.budget.is_degraded:
            return
        self.budget.is_degraded = True
        if self._slots is not None:
            self._slots.keep_to(self._safe_share)
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else error.message
        _log.warning(
            "the shared store cannot be used; this replica keeps to its safe share of the org's calls",
            org=self._org,
            cause=cause,
        )

    def _recover(self) -> None:
        self._failures = 0
        if self.budget.is_degraded:
            self.budget.is_degraded = False
            _log.info("the shared store answers again; replicas share the org's calls", org=self._org)

    def _wake(self) -> None:
        self._is_due = True
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def _until_due(self) -> None:
        """Wait until there is reason to ask again."""
        if self._failures:
            await self._clock.sleep(_AGAIN_SECONDS if self._failures < _AWAY_AFTER else _AWAY_SECONDS)
            return
        # Many calls at once are to be told in one.
        await self._clock.sleep(_SHORTEST_GAP_SECONDS)
        if self._is_due:
            return
        self._woken = asyncio.get_running_loop().create_future()
        sleep = asyncio.ensure_future(self._clock.sleep(self._beat_seconds() - _SHORTEST_GAP_SECONDS))
        try:
            await asyncio.wait({self._woken, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._woken = None
            sleep.cancel()

    def _beat_seconds(self) -> float:
        """Return when to tell again although nothing is due: often enough to know when little is left."""
        now = self._clock.monotonic()
        seconds = min(self._good_seconds(name, now, _IDLE_RATE) for name in self._purses)
        slots = self._slots
        if slots is not None and (
            slots.oldest_seconds(now) >= _NEARLY_LONG_SECONDS or self._standing.long_running_elsewhere
        ):
            seconds = min(seconds, _LONG_BEAT_SECONDS)
        return max(_SHORTEST_BEAT_SECONDS, seconds)
