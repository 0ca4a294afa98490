"""What lanes have done and how they stand, for whoever watches."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Held:
    """What waits or is in flight."""

    records: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Totals:
    """What lanes have done since they were made, and what they hold; shared by the lanes of an org."""

    calls: int = 0
    """Calls sent."""
    records: int = 0
    """Records sent, those sent again counted again."""
    retried: int = 0
    """Records sent again because another transaction had locked them."""
    held_records: int = 0
    """Records that are waiting or in flight."""
    held_bytes: int = 0
    """Their bytes."""
    gone: int = 0
    """Records withdrawn since keys and locks were swept."""
    held_by: dict[str, Held] = field(default_factory=dict)
    """The same of each caller that has any."""

    def hold(self, caller: str, size: int) -> None:
        """Take note of a caller's record, of so many bytes."""
        held = self.held_by.get(caller)
        if held is None:
            held = self.held_by[caller] = Held()
        held.records += 1
        held.bytes += size
        self.held_records += 1
        self.held_bytes += size

    def let_go(self, caller: str, size: int) -> None:
        """Take note that one is over."""
        held = self.held_by[caller]
        held.records -= 1
        held.bytes -= size
        if not held.records:
            del self.held_by[caller]
        self.held_records -= 1
        self.held_bytes -= size


@dataclass(frozen=True, slots=True)
class LaneStatistics:
    """How a lane stands."""

    waiting: int
    """Records that may leave with the next call."""
    behind: int
    """Records that an earlier one with the same key keeps waiting."""
    in_flight: int
    """Calls in flight."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a coalescer has done since it was made, and how its lanes stand."""

    calls: int
    """Calls sent."""
    records: int
    """Records sent; those sent again count again."""
    retried: int
    """Records sent again because another transaction had locked them."""
    held_records: int
    """Records that are waiting or in flight."""
    held_bytes: int
    """Their bytes."""
    lanes: Mapping[str, LaneStatistics]
    """The lanes that hold records, by name."""
