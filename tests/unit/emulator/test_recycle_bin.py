"""What is deleted, for how long it can be seen, and how it comes back."""

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.org import Org
from service.emulator.recycle_bin import KEPT_SECONDS, Window
from tests.support.emulation import START


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, sobject="Account", **values):
    return org.create(sobject, values, user_id=org.admin_id)


def deleted(org, sobject="Account"):
    return len(org.query(f"SELECT Id FROM {sobject} WHERE IsDeleted = true", include_deleted=True).rows)


def code(action, *arguments):
    with pytest.raises(SalesforceFault) as caught:
        action(*arguments, user_id="005000000000001AAA")
    return caught.value.error_code


def test_deleted_rows_are_seen_for_15_days(org, clock):
    """A deleted row is in the bin for 15 days, each for its own, and is no record at all afterwards."""
    first, second = create(org, Name="x"), create(org, Name="y")
    org.delete("Account", first, user_id=org.admin_id)
    clock.passed = 3600
    org.delete("Account", second, user_id=org.admin_id)

    clock.passed = KEPT_SECONDS - 1
    assert deleted(org) == 2
    clock.passed += 1
    assert deleted(org) == 1
    assert code(org.delete, "Account", first) == "NOT_FOUND"
    assert code(org.delete, "Account", second) == "ENTITY_IS_DELETED"
    clock.passed += 3600
    assert deleted(org) == 0
    third = create(org, Name="z")
    org.delete("Account", third, user_id=org.admin_id)
    assert deleted(org) == 1
    clock.passed += KEPT_SECONDS
    assert deleted(org) == 0


def test_a_file_ages_while_it_is_closed(tmp_path, clock):
    """Rows deleted long ago are gone when the database is opened again."""
    path = str(tmp_path / "org.db")
    org = Org(clock=clock, path=path)
    org.delete("Account", create(org, Name="x"), user_id=org.admin_id)
    org.close()
    clock.passed = KEPT_SECONDS + 1

    org = Org(clock=clock, path=path)

    assert deleted(org) == 0
    org.close()


def test_undelete_brings_the_children_back(org, clock):
    """A restored record comes with the children its deletion took along, not with those deleted before."""
    account = create(org, Name="x", Ext__c="K")
    before, along = (create(org, "Contact", LastName=name, AccountId=account) for name in "ab")
    org.delete("Contact", before, user_id=org.admin_id)
    clock.passed = 5
    org.delete("Account", account, user_id=org.admin_id)
    clock.passed = 10

    org.undelete("Account", account[:15], user_id=org.admin_id)

    assert org.find("Account", "Ext__c", "K") == account
    assert org.get("Contact", along, ["AccountId"])["AccountId"] == account
    assert deleted(org, "Contact") == 1
    assert org.get("Account", account, ["SystemModstamp"])["SystemModstamp"] == "2026-03-01T12:00:10.000+0000"
    window = Window.between(START, START + 60)
    assert org.recycle_bin.deleted("Account", window).records == []


def test_undelete_refuses(org):
    """Only what is in the bin comes back, and not when another record has taken its key."""
    account = create(org, Name="x", Ext__c="K")
    assert code(org.undelete, "Account", account) == "UNDELETE_FAILED"
    assert code(org.undelete, "Account", "x") == "MALFORMED_ID"
    assert code(org.undelete, "Account", "001000000000009AAA") == "UNDELETE_FAILED"

    org.delete("Account", account, user_id=org.admin_id)
    create(org, Name="y", Ext__c="k")

    assert code(org.undelete, "Account", account) == "DUPLICATE_VALUE"
    assert deleted(org) == 1
