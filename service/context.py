"""What travels with one call from the socket to Salesforce."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from msgspec import Struct
from opentelemetry.context import Context

from service.clock import Clock
from service.errors import DeadlineExceeded


class Priority(IntEnum):
    """How much a call matters when the org's allocations run short: the lowest number is refused last."""

    INTERACTIVE = 0
    """Someone waits for the answer."""
    STANDARD = 1
    """A service waits for the answer."""
    BATCH = 2
    """It may as well be done tonight."""


_NOBODY_ELSE: Mapping[str, float] = MappingProxyType({})


class CallContext(Struct, frozen=True):
    """One call: who it is, how long it may take, and the trace it belongs to.

    Passed explicitly, so that a task that outlives its caller cannot pick up another caller's deadline.
    """

    method: str
    """Fully qualified RPC method, `sluicegate.v1.RecordService/UpsertRecord`."""
    request_id: str
    """Names the call in logs and in INTERNAL errors; the trace id where there is a trace."""
    clock: Clock
    deadline: float | None = None
    """When the caller gives up, in the clock's monotonic seconds; None when it never does."""
    trace: Context | None = None
    """Parent of the spans made on the call's behalf; None when the call is not sampled."""
    caller: str = ""
    """The name that the caller gives itself, configured or not; empty for whoever gives none."""
    priority: Priority = Priority.STANDARD
    """How much the call matters when allocations run short."""
    charged: Mapping[str, float] = _NOBODY_ELSE
    """Who pays for the call and which share of it, where several callers ride along; empty charges `caller` alone."""
    begun: bool = False
    """Whether what is asked finishes what calls were spent on: then only the reserve that is refused last stops it, and
    no share of its caller or class, which are charged all the same."""

    def remaining_seconds(self, at_most: float) -> float:
        """Return how long the next step may take: the smaller of the time left and `at_most`, in seconds.

        Raises:
            DeadlineExceeded: No time is left.

        """
        if self.deadline is None:
            return at_most
        left = self.deadline - self.clock.monotonic()
        if left <= 0:
            raise DeadlineExceeded("the call's deadline passed before Salesforce was asked")
        return min(left, at_most)

    def has_time_for(self, seconds: float) -> bool:
        """Tell whether the deadline is further off than so many seconds."""
        return self.deadline is None or self.clock.monotonic() + seconds < self.deadline
