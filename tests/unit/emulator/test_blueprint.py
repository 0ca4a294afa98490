"""Orgs made from one blueprint."""

import pytest

from service.emulator.blueprint import Blueprint
from service.emulator.faults import SalesforceFault
from service.emulator.org import Org
from service.emulator.schema import Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.store import Store
from tests.support.emulation import ManualClock

SCHEMA = Schema(STANDARD_OBJECTS)


@pytest.fixture
def blueprint():
    """A blueprint of the standard objects."""
    blueprint = Blueprint(SCHEMA)
    yield blueprint
    blueprint.close()


def laid_out(store):
    return store.every("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")


def test_tables_are_those_of_a_store_made_alone(blueprint):
    """A store from a blueprint has the very tables and indexes that one made from the schema has."""
    alone, copy = Store(SCHEMA), blueprint.store()

    assert laid_out(alone) == laid_out(copy)

    alone.close()
    copy.close()


def test_orgs_share_no_rows(blueprint):
    """What one org holds is unknown to the next, also while and after the first was written to."""
    orgs = [Org(SCHEMA, clock=ManualClock(), blueprint=blueprint) for _ in range(2)]
    for org in orgs:
        org.create("Account", {"Name": "Zoë", "Ext__c": "1"}, user_id=org.admin_id)
        with pytest.raises(SalesforceFault, match="DUPLICATE_VALUE"):
            org.create("Account", {"Name": "other", "Ext__c": "1"}, user_id=org.admin_id)

    third = Org(SCHEMA, clock=ManualClock(), blueprint=blueprint)

    assert [1, 1, 0] == [org.count("Account") for org in (*orgs, third)]
    for org in (*orgs, third):
        org.close()


def test_an_org_outlives_its_blueprint():
    """Closing a blueprint takes nothing from the orgs made from it."""
    blueprint = Blueprint(SCHEMA)
    org = Org(SCHEMA, clock=ManualClock(), blueprint=blueprint)

    blueprint.close()

    assert org.create("Account", {"Name": "Acme"}, user_id=org.admin_id).startswith("001")
    org.close()


def test_an_org_of_a_file_or_another_schema_makes_its_own_tables(blueprint, tmp_path):
    """A blueprint that does not fit is not used."""
    kept = Org(SCHEMA, clock=ManualClock(), path=str(tmp_path / "org.db"), blueprint=blueprint)
    kept.create("Account", {"Name": "Acme"}, user_id=kept.admin_id)
    kept.close()
    again = Org(SCHEMA, clock=ManualClock(), path=str(tmp_path / "org.db"), blueprint=blueprint)
    few = Org(
        Schema(each for each in STANDARD_OBJECTS if each.name != "Campaign"), clock=ManualClock(), blueprint=blueprint
    )

    assert 1 == again.count("Account")
    with pytest.raises(SalesforceFault, match="NOT_FOUND"):
        few.count("Campaign")
    again.close()
    few.close()
