"""Deleting rows: what goes along, what stands in the way, what lets go."""

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.org import Org


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, sobject, **values):
    return org.create(sobject, values, user_id=org.admin_id)


def delete(org, sobject, record_id):
    org.delete(sobject, record_id, user_id=org.admin_id)


def refusal(action, *arguments):
    with pytest.raises(SalesforceFault) as caught:
        action(*arguments)
    return caught.value.http_status, caught.value.error_code


def test_deleted_record_is_gone_for_every_call(org):
    """Reading, changing and deleting a deleted record are answered alike."""
    account = create(org, "Account", Name="Acme", Ext__c="A-1")
    delete(org, "Account", account)

    gone = (404, "ENTITY_IS_DELETED")
    assert gone == refusal(org.get, "Account", account)
    assert gone == refusal(delete, org, "Account", account)
    assert gone == refusal(lambda: org.update("Account", account, {"Name": "x"}, user_id=org.admin_id))
    assert refusal(org.find, "Account", "Ext__c", "A-1") == (404, "NOT_FOUND")


def test_queries_see_deleted_records_when_asked(org):
    """A deleted record is kept, and only queries that include deleted rows see it."""
    delete(org, "Account", create(org, "Account", Name="Acme"))

    assert org.query("SELECT Id FROM Account").total_size == 0
    assert org.query("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True).total_size == 1


def test_account_takes_its_children_along(org):
    """Contacts, opportunities, and their activities go with an account."""
    account = create(org, "Account", Name="Acme")
    contact = create(org, "Contact", LastName="Doe", AccountId=account)
    deal = create(org, "Opportunity", Name="D", StageName="Prospecting", CloseDate="2026-05-05", AccountId=account)
    task = create(org, "Task", WhoId=contact)
    stranger = create(org, "Contact", LastName="Roe")

    delete(org, "Account", account)

    for sobject, record in (("Contact", contact), ("Opportunity", deal), ("Task", task)):
        assert refusal(org.get, sobject, record) == (404, "ENTITY_IS_DELETED")
    assert org.get("Contact", stranger)["LastName"] == "Roe"


def test_cases_stand_in_the_way(org):
    """An account with cases cannot be deleted, and nothing of it is."""
    account = create(org, "Account", Name="Acme")
    contact = create(org, "Contact", LastName="Doe", AccountId=account)
    case = create(org, "Case", AccountId=account)

    assert refusal(delete, org, "Account", account) == (400, "DELETE_FAILED")
    assert account == org.get("Contact", contact)["AccountId"]

    delete(org, "Case", case)
    delete(org, "Account", account)
    assert org.count("Contact") == 0


def test_plain_lookups_let_go(org):
    """Other lookups to a deleted record are cleared."""
    parent = create(org, "Account", Name="Parent")
    child = create(org, "Account", Name="Child", ParentId=parent)

    delete(org, "Account", parent)

    assert org.get("Account", child)["ParentId"] is None


def test_users_stay(org):
    """Users can be made inactive, not deleted."""
    assert refusal(delete, org, "User", org.admin_id) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    assert org.count("User") == 1


def test_missing_record_is_not_found(org):
    """Deleting what never was is not found."""
    assert refusal(delete, org, "Account", "001000000000009") == (404, "NOT_FOUND")
