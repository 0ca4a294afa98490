"""The bounds of an org's governor and of its lanes, from the settings of the org and of the callers."""

from collections.abc import Mapping

from service.batching.policy import Policy
from service.governor.limits import CallerLimits, Limits
from service.salesforce.calls.collections import MOST_ROWS
from service.settings import CallerSettings, CallerShareSettings, OrgSettings

_HEADROOM_PART = 5
"""Of how many long-running requests one is left to INTERACTIVE calls and others, if the settings say nothing."""


def with_callers(settings: OrgSettings, callers: Mapping[str, CallerSettings]) -> OrgSettings:
    """Return an org's settings with the share of every configured caller; its weight is its general one if none is set.

    Args:
        settings: The org's.
        callers: The callers, by name.

    """
    own = settings.governor.callers
    shares = {name: own.get(name, CallerShareSettings()) for name in callers}
    weighted = {
        name: share if share.weight is not None else share.model_copy(update={"weight": callers[name].weight})
        for name, share in shares.items()
    }
    governor = settings.governor.model_copy(update={"callers": weighted})
    return settings.model_copy(update={"governor": governor})


def limits_of(settings: OrgSettings) -> Limits:
    """Return what an org's governor is to keep to.

    Args:
        settings: The org's, `with_callers`.

    """
    wanted = settings.governor
    headroom = wanted.long_running_headroom
    return Limits(
        stop_batch_at=wanted.stop_batch_at,
        stop_standard_at=wanted.stop_standard_at,
        stop_interactive_at=wanted.stop_interactive_at,
        daily_calls=wanted.daily_calls,
        long_running_limit=wanted.long_running_limit,
        long_running_headroom=wanted.long_running_limit // _HEADROOM_PART if headroom is None else headroom,
        # An attempt beyond the connections would wait for one inside the time that is measured of the org.
        max_in_flight=min(wanted.max_in_flight, settings.max_connections),
        longest_hold_seconds=wanted.longest_hold_seconds,
        max_replicas=wanted.max_replicas,
        shadow=wanted.shadow,
        callers={
            name: CallerLimits(1.0 if share.weight is None else share.weight, share.daily_calls)
            for name, share in wanted.callers.items()
        },
    )


def policy_of(settings: OrgSettings) -> Policy:
    """Return how an org's lanes fill their calls, and in what turns.

    Args:
        settings: The org's, `with_callers`.

    """
    writes = settings.writes
    weights = {name: limits.weight for name, limits in limits_of(settings).callers.items()}
    least = min(1.0, *weights.values()) if weights else 1.0
    return Policy(
        calls_in_flight=writes.calls_in_flight,
        longest_gather_seconds=writes.gather_seconds,
        max_wait_seconds=writes.max_wait_seconds,
        most_records=writes.max_waiting_records,
        most_bytes=writes.max_waiting_bytes,
        turn=_turn(1.0 / least),
        turns={name: _turn(weight / least) for name, weight in weights.items()},
    )


def _turn(records: float) -> int:
    return min(MOST_ROWS, round(records))
