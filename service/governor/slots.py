"""The attempts that are open: how many, of which objects, and which have become long-running."""

from collections import OrderedDict

LONG_RUNNING_SECONDS = 20.0
"""From this age on an open request counts as long-running. Salesforce, "API Request Limits and Allocations"."""


class Slots:
    """Open attempts. Each is told by a key of its own, the same when it begins and when it ends."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._young: OrderedDict[object, float] = OrderedDict()
        """When each attempt began that is not long-running, in that order."""
        self._bulkheads: dict[str, int] = {}

    def of(self, bulkhead: str) -> int:
        """Return how many open attempts share a bulkhead."""
        return self._bulkheads.get(bulkhead, 0)

    def begin(self, key: object, bulkhead: str, now: float) -> None:
        """Take note of an attempt that begins."""
        self.in_flight += 1
        self._young[key] = now
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

    def long_running(self, now: float) -> int:
        """Return how many open attempts have become long-running."""
        young = self._young
        while young and next(iter(young.values())) <= now - LONG_RUNNING_SECONDS:
            young.popitem(last=False)
        return self.in_flight - len(young)
