"""What an org that answers nothing but 503 is asked, with what keeps retries down and without, and what follows."""

from collections import Counter
from typing import Any

from tests.faults.test_storms import SAVED, Bench, ModelOrg
from tests.load.figure import Figure
from tests.support.clock import ManualClock

_BEGINS = 5
_SETTLED = 10
"""Seconds after a storm in which callers are to be well again."""
_WELL_SHARE = 0.99


async def attempts(storm_seconds: int, per_second: int) -> Figure:
    """Measure `governor_storm_attempts_ratio`: attempts at an org that is out of order, over the calls made meanwhile.

    The org is a model and the time is simulated; governor, circuit, retries and their budget are the service's own.
    Detail has the same without a bound on retries and without the circuit, and with the bound alone.

    Args:
        storm_seconds: How long the org answers 503.
        per_second: Calls a second, before, during and after.

    """
    on = await _side(storm_seconds, per_second, mitigated=True)
    budget = await _side(storm_seconds, per_second, mitigated=True, breaks=False)
    off = await _side(storm_seconds, per_second, mitigated=False)
    detail = {
        "storm_seconds": storm_seconds,
        "calls_per_second": per_second,
        "time": "simulated",
        "on": on,
        "budget_of_retries_alone": budget,
        "off": off,
        "dominates": "probes: one after each pause of half a second to four",
    }
    return Figure("governor_storm_attempts_ratio", on["attempts_ratio"], "ratio", detail)


async def _side(storm_seconds: int, per_second: int, *, mitigated: bool, breaks: bool = True) -> dict[str, Any]:
    end = _BEGINS + storm_seconds

    def health(second: float) -> str:
        return "down" if _BEGINS <= second < end else "well"

    bench = Bench(ModelOrg(ManualClock(), health), mitigated=mitigated, breaks=breaks)
    heard = await bench.offer(end + 2 * _SETTLED, lambda _second: per_second)
    first = sum(heard.sent[second] for second in range(_BEGINS, end))
    # Whatever was answered took one attempt that was, and some that were not.
    in_vain = bench.org.attempts - bench.org.answered
    shares = [_well(heard.between(second, second + 1)) for second in range(end, end + 2 * _SETTLED)]
    later = heard.between(end + _SETTLED, end + 2 * _SETTLED)
    return {
        "calls": first,
        "attempts": in_vain,
        "attempts_ratio": round(in_vain / first, 4),
        "success_share_of_the_ten_seconds_after": _well(heard.between(end, end + _SETTLED)),
        "success_share_from_then_on": _well(later),
        "seconds_until_well": next(
            (second for second in range(len(shares)) if min(shares[second:]) >= _WELL_SHARE), None
        ),
    }


def _well(told: Counter[str]) -> float:
    return round(told[SAVED] / max(1, told.total()), 4)
