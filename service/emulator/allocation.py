"""What an org may use of the API: the rolling 24-hour allocation and the slots for long requests."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from service.clock import Clock
from service.emulator.faults import SalesforceFault

DAY_SECONDS = 86_400
_BUCKET_SECONDS = 300
"""Use falls out of the window in steps of five minutes; Salesforce does not say how finely it counts."""

DAILY_QUERY_JOBS = 10_000
"""Bulk 2.0 query jobs in any 24 hours, in every org. Source: Bulk API 2.0, "Limits"."""

LONG_REQUEST_SECONDS = 20.0
"""From this age on an open request takes a long-request slot. Source: "API Request Limits and Allocations"."""


class RollingAllocation:
    """A count over the last 24 hours, compared with a maximum.

    Args:
        maximum: What may be used in any 24 hours.
        clock: Moves the window.

    """

    def __init__(self, maximum: int, *, clock: Clock) -> None:
        self.maximum = maximum
        self._clock = clock
        self._buckets: deque[tuple[int, int]] = deque()
        self._used = 0

    @property
    def used(self) -> int:
        """What was used in the last 24 hours."""
        oldest = self._bucket() - DAY_SECONDS // _BUCKET_SECONDS
        while self._buckets and self._buckets[0][0] <= oldest:
            self._used -= self._buckets.popleft()[1]
        return self._used

    @property
    def remaining(self) -> int:
        """What is left; never negative."""
        return max(0, self.maximum - self.used)

    def take(self, amount: int = 1) -> bool:
        """Use some of the allocation; return False, and use nothing, when not enough is left."""
        if amount > self.remaining:
            return False
        bucket = self._bucket()
        if self._buckets and self._buckets[-1][0] == bucket:
            self._buckets[-1] = (bucket, self._buckets[-1][1] + amount)
        else:
            self._buckets.append((bucket, amount))
        self._used += amount
        return True

    def _bucket(self) -> int:
        return int(self._clock.monotonic() // _BUCKET_SECONDS)


class Allocation:
    """One org's use of the API.

    Args:
        daily_api_requests: Calls in any 24 hours, over all users of the org.
        daily_bulk_batches: Bulk batches in any 24 hours, 10,000 rows each.
        long_requests: Requests that may be open for longer than 20 seconds at once: 25, in Developer Edition 5.
        clock: Moves the windows.

    """

    def __init__(self, *, daily_api_requests: int, daily_bulk_batches: int, long_requests: int, clock: Clock) -> None:
        self.requests = RollingAllocation(daily_api_requests, clock=clock)
        self.bulk_batches = RollingAllocation(daily_bulk_batches, clock=clock)
        self.query_jobs = RollingAllocation(DAILY_QUERY_JOBS, clock=clock)
        self._long_requests = long_requests
        self._clock = clock
        self._open: dict[int, float] = {}
        self._serial = 0

    @contextmanager
    def admit(self, *, used_up: bool = False) -> Iterator[None]:
        """Count one API call and hold its place until the block ends, however it ends.

        Args:
            used_up: Refuse it as if nothing were left.

        Raises:
            SalesforceFault: 403 REQUEST_LIMIT_EXCEEDED; the texts tell the daily allocation from the
                long-request slots. Source: Salesforce REST API, "Status Codes and Error Responses".

        """
        if self._open_long() >= self._long_requests:
            raise SalesforceFault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")
        if used_up or not self.requests.take():
            raise SalesforceFault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._serial += 1
        place = self._serial
        self._open[place] = self._clock.monotonic()
        try:
            yield
        finally:
            del self._open[place]

    def limit_info(self, *, used_up: bool = False) -> str:
        """Return the value of `Sforce-Limit-Info`. Source: Salesforce REST API, "Limit Info Header".

        Args:
            used_up: Say that nothing is left, whatever was used.

        """
        used = self.requests.maximum if used_up else self.requests.used
        return f"api-usage={used}/{self.requests.maximum}"

    def _open_long(self) -> int:
        now = self._clock.monotonic()
        return sum(now - since >= LONG_REQUEST_SECONDS for since in self._open.values())
