"""The org as a whole: reading rows, its first rows, and a database that outlives it."""

import pytest

from service.emulator.faults import MultipleMatches, SalesforceFault
from service.emulator.ids import from_counter
from service.emulator.org import Org
from service.emulator.schema import Schema
from service.emulator.schema.standard import STANDARD_OBJECTS


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock, username="boss@acme.example")
    yield org
    org.close()


def create(org, sobject, **values):
    return org.create(sobject, values, user_id=org.admin_id)


def test_administrator_is_there(org):
    """A new org has one active user, a profile for it, and itself as a row."""
    user = org.get("User", org.admin_id)

    assert (user["Username"], user["Name"], user["IsActive"]) == ("boss@acme.example", "System Administrator", True)
    assert org.get("Profile", str(user["ProfileId"]), ["Name"])["Name"] == "System Administrator"
    assert org.id == org.get("Organization", org.id)["Id"]


def test_get_returns_every_field_in_order(org):
    """Without a list of fields the answer holds all of them, null or not, after the attributes."""
    record = org.get("Lead", create(org, "Lead", LastName="Doe", Company="Acme"))

    sobject = org.schema.sobject("Lead")
    assert sobject is not None
    assert list(record) == ["attributes", *(field.name for field in sobject.fields)]
    assert record["IsConverted"] is False
    assert record["Email"] is None


def test_address_is_made_of_its_parts(org):
    """An address is an object of its parts, and null when all of them are."""
    account = create(org, "Account", Name="Acme", BillingCity="Rome", BillingLatitude=41.9)

    record = org.get("Account", account, ["BillingAddress", "ShippingAddress"])
    assert record["BillingAddress"] == {
        "city": "Rome",
        "country": None,
        "geocodeAccuracy": None,
        "latitude": 41.9,
        "longitude": None,
        "postalCode": None,
        "state": None,
        "street": None,
    }
    assert record["ShippingAddress"] is None


def test_get_refuses_unknown_fields(org):
    """A field list with an unknown name is refused."""
    account = create(org, "Account", Name="Acme")

    with pytest.raises(SalesforceFault) as caught:
        org.get("Account", account, ["Id", "Nope"])

    assert caught.value.error_code == "INVALID_FIELD"


def test_get_by_external_id(org):
    """A record is found by its external id in any case; several are told apart by their ids."""
    account = create(org, "Account", Name="Acme", Ext__c="A-1")
    pair = [create(org, "Contact", LastName="Doe", Email="j@acme.example") for _ in range(2)]

    assert account == org.get_by_external_id("account", "ext__c", "a-1", ["Id"], api_version="60.0")["Id"]
    with pytest.raises(MultipleMatches) as caught:
        org.get_by_external_id("Contact", "Email", "j@acme.example")
    assert pair == list(caught.value.record_ids)


def test_count_leaves_out_deleted_rows(org):
    """A count is of records outside the Recycle Bin."""
    create(org, "Account", Name="One")
    org.delete("Account", create(org, "Account", Name="Two"), user_id=org.admin_id)

    assert org.count("account") == 1


def test_a_file_keeps_the_org(clock, tmp_path):
    """An org opened again on its file has its rows, its users, and goes on counting."""
    path = str(tmp_path / "org.db")
    before = Org(clock=clock, path=path, username="first@acme.example")
    account = create(before, "Account", Name="Acme")
    create(before, "Case")
    before.close()

    after = Org(clock=clock, path=path, username="ignored@acme.example")

    assert after.get("Account", account)["Name"] == "Acme"
    assert after.get("User", after.admin_id)["Username"] == "first@acme.example"
    assert create(after, "Account", Name="Next") > account
    assert after.get("Case", create(after, "Case"))["CaseNumber"] == "00001001"
    after.close()


def test_a_file_grows_with_the_schema(clock, tmp_path):
    """A file made by an org with fewer objects is extended, and its rows stay."""
    path = str(tmp_path / "org.db")
    small = Org(Schema(sobject for sobject in STANDARD_OBJECTS if sobject.name != "Lead"), clock=clock, path=path)
    account = create(small, "Account", Name="Acme")
    small.close()

    large = Org(clock=clock, path=path)

    assert create(large, "Lead", LastName="Doe", Company="Acme").startswith("00Q")
    assert large.get("Account", account)["Name"] == "Acme"
    large.close()


def test_a_file_of_another_org_is_refused(clock, tmp_path):
    """One file holds one org."""
    path = str(tmp_path / "org.db")
    Org(clock=clock, path=path).close()

    with pytest.raises(ValueError, match="the database holds the org"):
        Org(clock=clock, path=path, org_id=from_counter("00D", 7))


def test_ids_of_two_orgs_differ(clock):
    """Records of two orgs never share an id."""
    first, second = Org(clock=clock), Org(clock=clock, org_id=from_counter("00D", 2))

    assert create(first, "Account", Name="Acme") != create(second, "Account", Name="Acme")
    first.close()
    second.close()


@pytest.mark.parametrize("org_id", ["", "nope", "001000000000001"])
def test_org_id_has_to_be_one(clock, org_id):
    """An id that is no org's is refused before anything is opened."""
    with pytest.raises(ValueError, match="starts with 00D"):
        Org(clock=clock, org_id=org_id)


def test_unique_key_is_looked_up_by_its_index(org):
    """Finding a record by external id does not read the whole table."""
    connection = org._store.connection
    plan = connection.execute(
        'EXPLAIN QUERY PLAN SELECT "Id" FROM "Lead" WHERE "Ext__c" = ? AND "IsDeleted" = 0', ("x",)
    ).fetchall()

    assert "Lead.Ext__c" in str(plan)
