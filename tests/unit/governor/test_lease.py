"""How many calls of a shared bound a replica may make before it asks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.governor.lease import LEASE_SECONDS, Lease


def lease(max_replicas: int = 10) -> tuple[Lease, list[int]]:
    """Return a lease, and a list that grows when it asks."""
    woken: list[int] = []
    return Lease(max_replicas, lambda: woken.append(1)), woken


@pytest.mark.parametrize(("left", "allowed"), [(1000.0, 80.0), (math.inf, math.inf), (0.0, 0.0), (-5.0, -5.0)])
def test_without_a_lease_there_is_the_safe_share(left: float, allowed: float):
    """Eight tenths of what is left, divided by the most replicas that may run."""
    found, _ = lease()

    assert allowed == found.allowed(left, 0.0)


def test_a_lease_comes_first_and_the_safe_share_on_top():
    """What other replicas hold is not left; calls beyond the lease use up the share, which shrinks with time."""
    found, _ = lease()
    found.renew(100.0, 200.0, 0.0)

    before = found.allowed(1200.0, 1.0)
    found.spend(130.0, 1.0)
    after = found.allowed(1070.0, 1.0)
    found.stale_at = 2.0
    stale = found.allowed(1070.0, 2.0)

    assert pytest.approx(100 + 0.03 * 1000) == before
    assert pytest.approx(-30 + 0.03 * 870) == after
    assert pytest.approx(-30 + 0.0005 * 870) == stale
    assert 130.0 == found.untold


def test_a_lease_ends_and_with_it_what_others_held():
    """What is left of it may not be spent any more; what was spent beyond it still counts."""
    found, _ = lease()
    found.renew(50.0, 100.0, 0.0)
    at_the_end = found.allowed(1000.0, LEASE_SECONDS)
    found.spend(30.0, LEASE_SECONDS)
    later = found.allowed(970.0, LEASE_SECONDS + 1)
    found.begin_anew(LEASE_SECONDS + 2)

    assert pytest.approx(80.0) == at_the_end
    assert pytest.approx(0.08 * 970 - 30) == later
    assert pytest.approx(0.08 * 970) == found.allowed(970.0, LEASE_SECONDS + 2)


def test_more_is_asked_for_before_the_lease_is_used_up():
    """At a quarter of it, or when what is known of the others is old; not while the store is away."""
    found, woken = lease()
    found.renew(80.0, 0.0, 0.0)
    found.stale_at = 5.0
    found.spend(60.0, 1.0)
    quiet = len(woken)
    found.spend(1.0, 1.0)
    used = len(woken)
    found.renew(80.0, 0.0, 1.0)
    found.stale_at = 5.0
    found.spend(1.0, 5.0)
    old = len(woken)
    found.rest()
    found.spend(500.0, 9.0)

    assert (0, 1, 2, 2) == (quiet, used, old, len(woken))


@pytest.mark.parametrize(
    ("calls", "left", "replicas", "wanted"),
    [
        (0.0, 100_000.0, 3, 10.0),
        (10.0, 100_000.0, 3, 80.0),
        (1000.0, 100_000.0, 3, 632.0),
        (1000.0, 600.0, 3, 100.0),
        (1000.0, 5.0, 3, 1.0),
        (1000.0, 0.5, 3, 0.0),
        (1000.0, -5.0, 3, 0.0),
        (1000.0, math.inf, 3, 632.0),
    ],
)
def test_the_size_follows_the_rate_and_shrinks_near_the_bound(calls, left, replicas, wanted):
    """Five seconds' worth of calls, eighty at least for who makes any, half of what is left for all together."""
    found, _ = lease()
    found.spend(calls, 0.0)
    found.take_untold(5.0)

    assert wanted == found.wanted(left, replicas)


@given(
    replicas=st.integers(1, 10),
    bound=st.integers(0, 100_000),
    spent=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 500)), max_size=60),
)
def test_replicas_on_their_own_never_pass_the_bound_together(replicas, bound, spent):
    """Whatever each tries to make, in whatever order, all safe shares are there at once."""
    leases = [lease()[0] for _ in range(replicas)]
    made = [0] * replicas
    for index, calls in spent:
        each = index % replicas
        for _ in range(calls):
            if leases[each].allowed(bound - made[each], 0.0) < 1:
                break
            leases[each].spend(1, 0.0)
            made[each] += 1

    assert sum(made) <= bound * 0.8
