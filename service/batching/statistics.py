"""What lanes have done and how they stand, for whoever watches."""

from collections.abc import Mapping
from dataclasses import dataclass


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
