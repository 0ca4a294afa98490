"""The store that replicas share, on paper: what the script in Valkey does, in one step as there."""

import asyncio
from dataclasses import dataclass, field

from service.governor.exchange import Counts, Report, Standing, ToldUsage
from tests.load.simulation.loop import SimulatedClock

_ANSWER_SECONDS = 0.001
_MINUTES = 1440


@dataclass(slots=True)
class _Member:
    """One replica as the store knows it."""

    ends_at: float = 0.0
    leases: dict[str, float] = field(default_factory=dict)


class PaperStore:
    """A `service.governor.exchange.Exchange` that never fails, of any number of replicas.

    Args:
        clock: Tells the time.

    """

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._members: dict[str, _Member] = {}
        self._counts: dict[str, dict[int, float]] = {}
        self._held: dict[str, float] = {}
        self._usage: tuple[ToldUsage, float] | None = None
        self.trips = 0
        """Exchanges since the beginning."""

    async def exchange(self, report: Report) -> Standing:
        """Tell and be told; see `Exchange.exchange`. Reports arrive at once, answers a millisecond later."""
        now = self._clock.monotonic()
        minute = int(now // 60)
        for name, calls in report.spent.items():
            if calls:
                counts = self._counts.setdefault(name, {})
                counts[minute] = counts.get(minute, 0.0) + calls
        self._lease(report, now)
        self._learn(report, now)
        self.trips += 1
        own = self._members[report.replica].leases
        standing = Standing(
            epoch="paper",
            serial=self.trips,
            generation=1,
            minute=minute,
            replicas=len(self._members),
            long_running_elsewhere=0,
            usage=self._told(now),
            counts={name: self._since(name, report, minute) for name in report.spent},
            held={name: self._held.get(name, 0.0) - own.get(name, 0.0) for name in report.spent},
        )
        await asyncio.sleep(_ANSWER_SECONDS)
        return standing

    def _lease(self, report: Report, now: float) -> None:
        """Put the leases of a report in place of the last ones; what ran out comes back."""
        member = self._members.setdefault(report.replica, _Member())
        for name, calls in report.leases.items():
            self._held[name] = self._held.get(name, 0.0) + calls - member.leases.get(name, 0.0)
        member.leases = dict(report.leases)
        member.ends_at = now + report.lease_seconds
        late = [name for name, each in self._members.items() if each.ends_at <= now]
        for replica in late:
            for name, calls in self._members.pop(replica).leases.items():
                self._held[name] -= calls

    def _learn(self, report: Report, now: float) -> None:
        usage = report.usage
        if usage is not None and (self._usage is None or self._usage[1] <= now - usage.seconds_ago):
            self._usage = usage, now - usage.seconds_ago

    def _told(self, now: float) -> ToldUsage | None:
        if self._usage is None:
            return None
        usage, at = self._usage
        return ToldUsage(usage.others, usage.maximum, now - at)

    def _since(self, name: str, report: Report, minute: int) -> Counts:
        counts = self._counts.get(name, {})
        first = minute - _MINUTES + 1
        since = max(first, report.since) if report.generation == 1 else first
        return {each: counts[each] for each in range(since, minute + 1) if each in counts}
