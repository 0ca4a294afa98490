"""Query plans, and that queries by an indexed field use its index."""

import time

import pytest

from service.emulator.engine.explain import explain
from tests.support.scale import SCALE
from tests.unit.emulator.engine.conftest import SCHEMA, World

ROWS = 50_000


def plans(world: World, condition: str) -> list[dict[str, object]]:
    soql = f"SELECT Name FROM Contact WHERE {condition}"
    return explain(world.store.connection, SCHEMA, soql, now=world.now)


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ("Id = '003000000000001'", ["Id"]),
        ("Id IN ('003000000000001', '003000000000002')", ["Id"]),
        ("AccountId = '001000000000001'", ["AccountId"]),
        ("Ext__c = 'A-1'", ["Ext__c"]),
        ("Ext__c IN ('A-1', 'A-2') AND LastName = 'x'", ["Ext__c"]),
        ("Ext__c > 'A-1'", ["Ext__c"]),
        ("OwnerId = '005000000000001' OR AccountId = '001000000000001'", ["OwnerId", "AccountId"]),
        ("AccountId IN (SELECT Id FROM Account WHERE Name = 'x')", ["AccountId"]),
    ],
)
def test_ids_lookups_and_external_ids_are_read_by_index(world: World, condition: str, fields: list[str]) -> None:
    """A condition on an indexed field never scans the table."""
    best, scan = plans(world, condition)

    assert (best["leadingOperationType"], best["fields"]) == ("Index", fields)
    assert scan["leadingOperationType"] == "TableScan"


def test_a_filter_without_an_index_scans(world: World) -> None:
    """The only plan is a scan, and its notes name the fields that have no index."""
    world.add("Contact", LastName="x")
    world.add("Contact", LastName="y")

    [plan] = plans(world, "Title = 'CEO' AND LastName = 'x'")

    assert plan == {
        "cardinality": 0,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [
            {
                "description": "Not considering filter for optimization because unindexed",
                "fields": [name],
                "tableEnumOrId": "Contact",
            }
            for name in ("IsDeleted", "Title", "LastName")
        ],
        "relativeCost": 1.3,
        "sobjectCardinality": 2,
        "sobjectType": "Contact",
    }


@pytest.mark.skipif(SCALE < 2, reason="a million rows take a minute; SLUICEGATE_TEST_SCALE=20 makes them")
def test_a_large_table_answers_by_index_in_milliseconds(world: World) -> None:
    """With a million rows a query by external id takes no longer than with a few."""
    with world.store.savepoint():
        for number in range(ROWS * SCALE):
            world.add("Contact", LastName="x", Ext__c=f"A-{number}")
    asked = range(0, ROWS * SCALE, ROWS)

    started = time.perf_counter()
    found = [world.column(f"SELECT Ext__c FROM Contact WHERE Ext__c = 'a-{number}'") for number in asked]
    each = (time.perf_counter() - started) / len(found)

    assert [[f"A-{number}"] for number in asked] == found
    assert each < 0.02
