"""Overload by callers with little patience, met by the whole stack on simulated time."""

import pytest

from tests.faults.test_storms import SAVED, Bench, ModelOrg
from tests.support.clock import ManualClock


@pytest.mark.parametrize("patience", [1.0, 4.0])
async def test_goodput_does_not_depend_on_how_long_callers_wait(patience):
    """An org that answers in a tenth of a second gets as much done for callers who wait one second as for others."""
    org = ModelOrg(ManualClock(), seconds=0.1, slots=4)
    capacity = org.slots / org.seconds
    bench = Bench(org)

    heard = await bench.offer(
        25, lambda second: round(10 * capacity) if second >= 5 else round(0.7 * capacity), patience=patience
    )

    assert heard.between(10, 25)[SAVED] / 15 >= 0.8 * capacity
