"""Scripted faults: which requests and rows they hit, and how often."""

from contextlib import suppress

import pytest

from service.emulator.disturbances import Delay, Disturbances, Page
from service.emulator.effects import LockRow, SlowRows
from service.emulator.faults import SalesforceFault

ORG = "00D100000000001EAA"


def test_a_rule_hits_once_by_default():
    """A rule is spent by the first request that matches method and path."""
    disturbances = Disturbances()
    disturbances.add(Page(503), method="PATCH", path=r"/sobjects/Account/")

    assert disturbances.take("GET", "/x/sobjects/Account/1", ORG) == []
    assert disturbances.take("PATCH", "/x/sobjects/Contact/1", ORG) == []
    assert [Page(503)] == disturbances.take("PATCH", "/x/sobjects/Account/1", ORG)
    assert disturbances.take("PATCH", "/x/sobjects/Account/1", ORG) == []


def test_skip_and_times():
    """The first matches pass, then as many are hit as asked for."""
    disturbances = Disturbances()
    disturbances.add(Page(), skip=2, times=2)

    hits = [bool(disturbances.take("GET", "/", None)) for _ in range(6)]

    assert hits == [False, False, True, True, False, False]


def test_rules_add_up_in_order():
    """All rules that match take part, oldest first."""
    disturbances = Disturbances()
    disturbances.add(Delay(1.0))
    disturbances.add(Page(502))

    assert [Delay(1.0), Page(502)] == disturbances.take("GET", "/", None)


def test_a_rule_of_one_org():
    """A rule for one org leaves other orgs and anonymous requests alone."""
    disturbances = Disturbances()
    disturbances.add(Page(), org_id=ORG, times=None)

    assert disturbances.take("GET", "/", None) == []
    assert disturbances.take("GET", "/", "00D200000000002EAA") == []
    assert [Page()] == disturbances.take("GET", "/", ORG)


def test_taking_back():
    """A removed rule hits nothing; removing it twice is harmless."""
    disturbances = Disturbances()
    rule = disturbances.add(Page(), times=None)

    disturbances.remove(rule)
    disturbances.remove(rule)

    assert disturbances.take("GET", "/", None) == []


def locked(disturbances: Disturbances, record_id: str | None = None) -> str | None:
    try:
        disturbances.check_row(ORG, record_id)
    except SalesforceFault as fault:
        return fault.error_code
    return None


def test_the_nth_row_is_locked():
    """Row locks let rows pass, hit as many as asked for, and are gone."""
    disturbances = Disturbances()
    disturbances.lock_rows(2, skip=1)

    codes = [locked(disturbances) for _ in range(4)]

    assert codes == [None, "UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW", None]


def test_a_lock_names_the_record():
    """The text of a row lock names the record where the write does."""
    disturbances = Disturbances()
    disturbances.lock_rows()

    with pytest.raises(SalesforceFault) as caught:
        disturbances.check_row(ORG, "001100000000001AAA")

    assert caught.value.message == "unable to obtain exclusive access to this record or 1 records: 001100000000001AAA"


def test_a_lock_inside_a_trigger():
    """A lock met by a trigger hides in the trigger's own error, as Salesforce reports it."""
    disturbances = Disturbances()
    disturbances.lock_rows(in_trigger=True)

    with pytest.raises(SalesforceFault) as caught:
        disturbances.check_row(ORG, None)

    assert caught.value.error_code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert "UNABLE_TO_LOCK_ROW" in caught.value.message


def test_locks_of_another_org():
    """A lock for one org does not touch the rows of another, and clearing takes locks back too."""
    disturbances = Disturbances()
    disturbances.lock_rows(org_id="00D200000000002EAA")

    assert locked(disturbances) is None

    disturbances.lock_rows()
    disturbances.clear()

    assert locked(disturbances) is None


def test_rows_outside_of_a_request():
    """A rule that names a path says nothing of rows that came by no request."""
    disturbances = Disturbances()
    disturbances.add(LockRow(), path="/composite", times=None)

    assert locked(disturbances) is None

    disturbances.take("PATCH", "/services/data/v66.0/composite/sobjects/Lead/Ext__c", ORG)

    assert "UNABLE_TO_LOCK_ROW" == locked(disturbances)


async def test_rows_that_take_time_add_up(clock):
    """Delays of several rules add up; the next transaction begins without them, and a refused one does not wait."""
    disturbances = Disturbances()
    disturbances.add(SlowRows(request_seconds=1.0, row_seconds=0.5), times=None)
    disturbances.add(SlowRows("Lead", row_seconds=2.0), times=1)

    for _ in range(2):
        async with disturbances.transaction(ORG, clock):
            disturbances.check_row(ORG, None, "lead")
    async with disturbances.transaction(ORG, clock):
        pass
    with suppress(KeyError):
        async with disturbances.transaction(ORG, clock):
            disturbances.check_row(ORG, None, "lead")
            raise KeyError

    assert 1.5 + 2.0 + 1.5 == clock.passed
