"""How a lane fills its calls, retries rows and what it holds at most."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Hold = Callable[[int, int], float]
"""Tells how many seconds a call that is not full may be held back now, given the records that wait and those it could
carry. The governor's word on what a call is worth; 0 holds nothing back."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds of an org's lanes."""

    calls_in_flight: int = 8
    """Most calls of one lane that are open at a time."""
    quiet_turns: int = 10
    """Turns of the event loop without a newer record after which a call that is not full leaves an idle lane."""
    busy_seconds: float = 0.1
    """How long a lane counts as busy after a call that carried several records, or behind which others gathered: their
    callers are about to return."""
    quiet_seconds: float = 0.002
    """How long a busy lane must have been without a newer record before a call leaves that is not full."""
    longest_quiet_seconds: float = 0.02
    """How long records wait for that at most."""
    longest_gather_seconds: float = 1.0
    """How long records gather behind a slow call before they leave in a call of their own that is not full."""
    max_wait_seconds: float = 1.0
    """What a caller tolerates of `Hold` if it says nothing."""
    attempts: int = 8
    """Most attempts at a row that another transaction had locked."""
    shrinking: tuple[int, ...] = (100, 40, 20, 10)
    """Most rows of a call from the second attempt on; the last one holds for all later ones. Locked rows fail alone, so
    that smaller calls would only cost more of them."""
    base_delay_seconds: float = 0.1
    """Mean-doubling base of the pause before a row is tried again."""
    longest_delay_seconds: float = 5.0
    """Longest such pause."""
    most_call_bytes: int = 8_388_608
    """Most bytes of rows in a call; a larger row travels alone."""
    most_records: int = 20_000
    """Most records of the org that are waiting or in flight; further ones are refused."""
    most_bytes: int = 268_435_456
    """The same in bytes."""
    turn: int = 1
    """How many records a caller sends in its turn while others wait."""
    turns: Mapping[str, int] = field(default_factory=dict)
    """The same of callers that have a weight of their own."""
