"""What stands before an org tells whether its hosts are out of order."""

from service.governor.base import Sign
from service.governor.noop import NoopGovernor
from service.orgs.guard import Guard
from service.salesforce.transport.breaker import Circuit, CircuitPolicy
from tests.support.clock import FakeClock


def test_hosts_that_are_well_are_told_of_by_nothing():
    """None is not the same as just now."""
    clock = FakeClock()
    guard = Guard(NoopGovernor(), Circuit(clock, org="prod"), Circuit(clock, org="prod"))

    statistics = guard.statistics()

    assert (None, None) == (statistics.outage_seconds, statistics.login_outage_seconds)


def test_each_host_is_told_of_for_as_long_as_it_is_out_of_order():
    """Until a probe is answered."""
    clock = FakeClock()
    org, login = (Circuit(clock, org="prod", policy=CircuitPolicy(least=1)) for _ in range(2))
    guard = Guard(NoopGovernor(), org, login)
    org.end(Sign.DOWN, 0.1)
    clock.advance(2.0)
    login.end(Sign.DOWN, 0.1)
    clock.advance(1.0)
    out_of_order = guard.statistics()
    org.end(Sign.WELL, 0.1)
    org_is_well = guard.statistics()

    assert (3.0, 1.0) == (out_of_order.outage_seconds, out_of_order.login_outage_seconds)
    assert (None, 1.0) == (org_is_well.outage_seconds, org_is_well.login_outage_seconds)
