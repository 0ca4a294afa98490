"""The attempts that are open: how many, of which objects, and which have become long-running."""

import math
from collections import OrderedDict
from collections.abc import Callable

LONG_RUNNING_SECONDS = 20.0
"""From this age on an open request counts as long-running. Salesforce, "API Request Limits and Allocations"."""
_OTHERS_SECONDS = 10.0
"""For how long after its beginning an attempt is taken to be followed by further ones of its object."""


class Slots:
    """Open attempts. Each is told by a key of its own, the same when it begins and when it ends.

    Args:
        common: How many may be long-running for any call to get a further permit.
        interactive: The same for an INTERACTIVE one.

    """

    def __init__(self, common: int, interactive: int) -> None:
        self._bounds = (common, interactive)
        self.common, self.interactive = self._bounds
        """The bounds that hold now."""
        self.on_room: Callable[[], None] | None = None
        """Called when a bound rises."""
        self.in_flight = 0
        self._young: OrderedDict[object, float] = OrderedDict()
        """When each attempt began that is not long-running, in that order."""
        self._bulkheads: dict[str, int] = {}
        self._latest: str | None = None
        self._others_at = -math.inf
        """When the latest attempt began that was of another bulkhead than the latest of all."""

    def is_alone(self, bulkhead: str, now: float) -> bool:
        """Tell whether no attempts begin these days but those of one bulkhead."""
        return bulkhead == self._latest and now >= self._others_at + _OTHERS_SECONDS

    def of(self, bulkhead: str) -> int:
        """Return how many open attempts share a bulkhead."""
        return self._bulkheads.get(bulkhead, 0)

    def begin(self, key: object, bulkhead: str, now: float) -> None:
        """Take note of an attempt that begins."""
        self.in_flight += 1
        self._young[key] = now
        if bulkhead != self._latest:
            self._others_at = -math.inf if self._latest is None else now
            self._latest = bulkhead
        if bulkhead:
            self._bulkheads[bulkhead] = self._bulkheads.get(bulkhead, 0) + 1

    def end(self, key: object, bulkhead: str) -> None:
        """Take note of its end."""
        self.in_flight -= 1
        self._young.pop(key, None)
        if bulkhead:
            left = self._bulkheads[bulkhead] - 1
            if left:
                self._bulkheads[bulkhead] = left
            else:
                del self._bulkheads[bulkhead]

    def leave_room(self, elsewhere: int) -> None:
        """Count attempts of other replicas that are long-running."""
        common, interactive = self._bounds
        self._bound(max(0, common - elsewhere), max(0, interactive - elsewhere))

    def keep_to(self, share: float) -> None:
        """Keep to a share of the bounds, of which one attempt remains at least."""
        common, interactive = self._bounds
        self._bound(max(1, int(common * share)), max(1, int(interactive * share)))

    def oldest_seconds(self, now: float) -> float:
        """Return for how long the oldest attempt has been open; 0 if none is."""
        if not self.in_flight:
            return 0.0
        if self.long_running(now):
            return LONG_RUNNING_SECONDS
        return now - next(iter(self._young.values()))

    def long_running(self, now: float) -> int:
        """Return how many open attempts have become long-running."""
        young = self._young
        while young and next(iter(young.values())) <= now - LONG_RUNNING_SECONDS:
            young.popitem(last=False)
        return self.in_flight - len(young)

    def _bound(self, common: int, interactive: int) -> None:
        rises = common > self.common or interactive > self.interactive
        self.common, self.interactive = common, interactive
        if rises and self.on_room is not None:
            self.on_room()
