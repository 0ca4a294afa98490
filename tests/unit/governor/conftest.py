"""Calls and clocks for the tests of governors."""

import itertools
from collections.abc import Callable

import pytest

from service.context import CallContext
from tests.support.clock import ManualClock

MakeContext = Callable[..., CallContext]


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
