"""The days that are simulated, at a scale from one replica in a hundred to all."""

from dataclasses import replace

from service.context import Priority
from service.governor.limits import CallerLimits, Limits
from tests.load.simulation.day import Plan, unshared
from tests.load.simulation.demand import RUNAWAY, Demand, Runaway
from tests.load.simulation.turns import Crowd

_RUNAWAY_HOURS = 12
_OVER_QUOTA = 20
_QUOTA = 0.01
"""The runaway's cap as a share of the org's calls."""


def fleet(scale: float = 1.0, hours: float = 24.0) -> dict[str, Plan]:
    """Return days of a fleet of 100 replicas and 1,000 callers on 4,000,000 calls, or of a part of it, by name."""
    maximum = round(4_000_000 * scale)
    quota = round(_QUOTA * maximum)
    calm = Demand(
        callers=round(1_000 * scale),
        replicas=round(100 * scale),
        writes_per_day=5_000_000 * scale,
        reads_per_day=200_000 * scale,
    )
    running = replace(calm, runaway=Runaway(_OVER_QUOTA * quota / (_RUNAWAY_HOURS * 3600)))
    capped = Limits(callers={RUNAWAY: CallerLimits(daily_calls=quota)})
    day = Plan(f"governed, {calm.replicas} replicas", running, maximum, limits=capped, yesterday=0.5, hours=hours)
    others = [
        replace(day, name="no cap", limits=Limits()),
        replace(day, name="no price", limits=replace(capped, longest_hold_seconds=0.0)),
        replace(day, name="no leases", fleet=unshared),
        replace(day, name="short of calls", maximum=round(0.6 * maximum)),
    ]
    return {"governed": day, **{plan.name: plan for plan in others}}


def steady(replicas: int, hours: float = 24.0) -> Plan:
    """Return the day of an org of 100,000 calls to which 20 STANDARD records a second are written."""
    demand = Demand(
        callers=20,
        replicas=replicas,
        writes_per_day=20 * 86_400,
        reads_per_day=0,
        shares=((Priority.STANDARD, 1.0),),
        is_diurnal=False,
    )
    return Plan(f"steady, {replicas} replicas", demand, 100_000, others=0.0, hours=hours)


CROWDS = {
    "calm": Crowd(),
    "beside a caller of ten times what the org takes": Crowd(runaway=10.0),
    "three times what the org takes, weights 1, 2 and 4": Crowd(callers=60, weights=(1.0, 2.0, 4.0), demand=3.0),
}
"""Crowds before an org that takes 16 calls at a time, by name."""
