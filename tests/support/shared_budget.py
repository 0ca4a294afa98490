"""One org's place in the store that replicas share, in the memory of a test; it breaks and forgets when told to."""

import copy
from dataclasses import dataclass, field

from service.clock import Clock
from service.errors import SharedStoreUnavailable
from service.governor.exchange import Report, Standing, ToldUsage

_KEPT_MINUTES = 1440


@dataclass
class Member:
    """What is known of one replica."""

    sequence: int = 0
    ends: float = 0.0
    long_running: int = 0
    leases: dict[str, float] = field(default_factory=dict)


@dataclass
class State:
    """All that is kept."""

    epoch: str = ""
    serial: int = 0
    generation: int = 1
    counts: dict[str, dict[int, float]] = field(default_factory=dict)
    remembered: dict[str, dict[int, float]] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    usage: tuple[float, int, float] | None = None


class PlaceInMemory:
    """A `service.governor.exchange.Exchange`.

    Args:
        clock: Tells the time.

    Attributes:
        is_away: True lets every exchange fail without effect.
        loses_answers: True lets every exchange fail after it had its effect.
        exchanges: How many had their effect.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._state = State()
        self._epochs = 0
        self.is_away = False
        self.loses_answers = False
        self.exchanges = 0

    def forget(self) -> None:
        """Lose everything."""
        self._state = State()

    def photograph(self) -> State:
        """Return all that is kept now."""
        return copy.deepcopy(self._state)

    def go_back(self, state: State) -> None:
        """Know no more than was kept once."""
        self._state = copy.deepcopy(state)

    async def exchange(self, report: Report) -> Standing | None:
        """Tell and be told."""
        if self.is_away:
            raise SharedStoreUnavailable("the store is away", retry_after_seconds=1.0)
        standing = self._exchange(report)
        if self.loses_answers:
            raise SharedStoreUnavailable("the answer was lost", retry_after_seconds=1.0)
        return standing

    def _exchange(self, report: Report) -> Standing | None:
        state, now = self._state, self._clock.monotonic()
        minute = int(self._clock.now() // 60)
        is_known = report.epoch == state.epoch and state.serial >= report.serial
        if report.epoch and report.memory is None and not is_known:
            return None
        self.exchanges += 1
        if report.memory is not None and report.epoch == state.epoch:
            state.epoch, state.counts, state.remembered = "", {}, {}
        if not state.epoch:
            self._epochs += 1
            state.epoch = f"epoch-{self._epochs}"
        state.serial = max(state.serial, report.serial) + 1
        self._remember(report, minute)
        member = state.members.setdefault(report.replica, Member())
        for name, calls in report.spent.items():
            counts = state.counts.setdefault(name, {})
            if calls and report.sequence != member.sequence:
                counts[minute] = counts.get(minute, 0.0) + calls
        member.sequence, member.long_running = report.sequence, report.long_running
        member.leases, member.ends = dict(report.leases), now + report.lease_seconds
        if report.usage is not None:
            at = now - report.usage.seconds_ago
            if state.usage is None or state.usage[2] <= at:
                state.usage = (report.usage.others, report.usage.maximum, at)
        return self._standing(report, minute, now)

    def _remember(self, report: Report, minute: int) -> None:
        is_changed = False
        for name, told in (report.memory or {}).items():
            counts = self._state.remembered.setdefault(name, {})
            for each, calls in told.items():
                if each > minute - _KEPT_MINUTES and calls > counts.get(each, 0.0):
                    counts[each] = calls
                    is_changed = True
        self._state.generation += is_changed

    def _standing(self, report: Report, minute: int, now: float) -> Standing:
        state = self._state
        since = minute - _KEPT_MINUTES + 1
        if report.generation == state.generation:
            since = min(minute, max(since, report.since))
        others = [each for name, each in state.members.items() if name != report.replica and each.ends > now]
        usage = state.usage
        return Standing(
            epoch=state.epoch,
            serial=state.serial,
            generation=state.generation,
            minute=minute,
            replicas=len(others) + 1,
            long_running_elsewhere=sum(each.long_running for each in others),
            usage=None if usage is None else ToldUsage(usage[0], usage[1], now - usage[2]),
            counts={
                name: {each: calls for each, calls in sorted(self._sum(name).items()) if each >= since}
                for name in report.spent
            },
            held={name: sum(each.leases.get(name, 0.0) for each in others) for name in report.spent},
        )

    def _sum(self, name: str) -> dict[int, float]:
        """Return the calls of a purse, made and remembered."""
        total = dict(self._state.remembered.get(name, {}))
        for each, calls in self._state.counts.get(name, {}).items():
            total[each] = total.get(each, 0.0) + calls
        return total
