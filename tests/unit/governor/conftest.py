"""Calls and clocks for the tests of governors."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from service.context import CallContext
from service.governor.budget import LocalBudget
from service.governor.shared_cap import SharedCap
from service.governor.slots import Slots
from tests.support.clock import ManualClock

MakeContext = Callable[..., CallContext]


@dataclass
class OneLedger:
    """Replicas that know at once of each other's calls, and of nothing else."""

    budget: LocalBudget = field(default_factory=LocalBudget)
    caps: Mapping[str, SharedCap] = field(default_factory=dict)

    def watch(self, _slots: Slots) -> None:
        """Tell of no long-running requests."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_context(clock: ManualClock) -> MakeContext:
    """Return a function that makes calls, by keyword as `CallContext` has it."""
    numbers = itertools.count(1)

    def make(**values) -> CallContext:
        return CallContext("sluicegate.v1.RecordService/UpsertRecord", f"request-{next(numbers)}", clock, **values)

    return make


@pytest.fixture
def context(make_context: MakeContext) -> CallContext:
    return make_context(caller="billing")
