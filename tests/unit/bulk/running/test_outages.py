"""A load by part while Salesforce is away: it waits, and no row is lost or doubled."""

import pytest

from service import errors
from service.bulk.results.outcomes import RowCounts
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import Caller, loader
from tests.unit.bulk.sixty_names import DATA, INSERT, NAMES, SMALL, call, names


class Away(FakeBulkOrg):
    """An org that is down for half a minute after some of its calls."""

    def __post_init__(self):
        super().__post_init__()
        self.clock = FakeClock()
        self.down_until = 0.0
        self.first = 10

    def _raise(self, method, faults, *, is_counted=True):
        super()._raise(method, faults, is_counted=is_counted)
        if len(self.calls) == self.first:
            self.down_until = self.clock.monotonic() + 30
        if self.clock.monotonic() < self.down_until:
            raise errors.UpstreamUnavailable("down", retry_after_seconds=2.0)


@pytest.mark.parametrize("first", range(2, 40, 6))
async def test_an_outage_of_half_a_minute_is_waited_out(first):
    """Whatever the load does when Salesforce goes down, it goes on when it is up again, and writes each row once."""
    org, caller = Away(), Caller(INSERT, DATA, SMALL)
    org.first = first

    await caller.call(loader(org, org.clock))

    assert org.down_until
    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_an_outage_that_is_not_waited_out_ends_the_load(monkeypatch):
    """Without patience the load breaks off half-way, and nothing is lost or doubled when it is gone on with."""
    monkeypatch.setattr("service.bulk.running.job_steps.OUTAGE_SECONDS", 1.0)
    down: list[BaseException | None] = [None, errors.UpstreamUnavailable("down", retry_after_seconds=2.0)]
    org, caller = FakeBulkOrg(faults={"upload": down}), Caller(INSERT, DATA, SMALL)
    with pytest.raises(errors.UpstreamUnavailable):
        await call(caller, loader(org))

    await call(caller, loader(org))

    assert NAMES == names(org)


async def test_answers_that_are_lost_change_nothing():
    """Each call that changes something happens, and its answer does not arrive."""
    lost: list[BaseException | None] = [errors.OutcomeUnknown("lost")]
    org = FakeBulkOrg(faults_after={method: list(lost) for method in ("create_job", "upload", "complete")})
    caller = Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    assert NAMES == names(org)
