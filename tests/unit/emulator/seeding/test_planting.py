"""Rows from files in an org."""

import json
from pathlib import Path

import pytest

from service.emulator.definition import load_definition
from service.emulator.org import Org
from service.emulator.seeding import SeedError, plant_records, read_seed
from tests.support.emulation import ManualClock

PROJECT = Path(__file__).parents[3] / "emulator" / "sfdx"


@pytest.fixture
def org() -> Org:
    return Org(load_definition([PROJECT]).schema, clock=ManualClock())


def plant(org: Org, *paths: Path) -> int:
    return plant_records(org, [record for path in paths for record in read_seed(path)])


def test_csv_with_old_ids(org, tmp_path):
    """Ids of a CSV are those of another org: references follow them, whatever the order of the files."""
    invoices, accounts = tmp_path / "Invoice__c.csv", tmp_path / "Account.csv"
    invoices.write_text("Account__c,Total__c,Due__c\n001Dn00000AbCdE,12.5,#N/A\n", encoding="utf-8")
    accounts.write_text("\ufeffId,Name\n001Dn00000AbCdE,Acme\n", encoding="utf-8")

    assert plant(org, invoices, accounts) == 2

    (row,) = org.query("SELECT Account__r.Name, Total__c FROM Invoice__c").rows
    assert ("Acme", 12.5) == (row["Account__r"]["Name"], row["Total__c"])


def test_csv_with_external_ids(org, tmp_path):
    """A column `Parent__r.Key__c` finds the parent by its external id."""
    account = org.create("Account", {"Name": "Acme", "Ext__c": "A-1"}, user_id=org.admin_id)
    path = tmp_path / "Invoice__c.csv"
    path.write_text("Account__r.Ext__c\nA-1\n", encoding="utf-8")

    plant(org, path)

    assert account == org.query("SELECT Account__c FROM Invoice__c").rows[0]["Account__c"]


def test_plan_files(org, tmp_path):
    """A plan lists files of trees, whose records refer to each other by name."""
    (tmp_path / "Accounts.json").write_text(
        json.dumps({"records": [{"attributes": {"type": "Account", "referenceId": "AccountRef1"}, "Name": "Acme"}]}),
        encoding="utf-8",
    )
    invoice = {"attributes": {"type": "Invoice__c", "referenceId": "InvoiceRef1"}, "Account__c": "@AccountRef1"}
    (tmp_path / "Invoices.json").write_text(json.dumps({"records": [invoice]}), encoding="utf-8")
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps(
            [
                {"sobject": "Invoice__c", "resolveRefs": True, "files": ["Invoices.json"]},
                {"sobject": "Account", "saveRefs": True, "files": ["Accounts.json"]},
            ]
        ),
        encoding="utf-8",
    )

    plant(org, plan)

    assert org.query("SELECT Account__r.Name FROM Invoice__c").rows[0]["Account__r"]["Name"] == "Acme"


def test_nested_trees(org, tmp_path):
    """Children nested in their parent get it."""
    line = {"attributes": {"type": "Invoice_Line__c"}, "Quantity__c": 3}
    invoice = {"attributes": {"type": "Invoice__c"}, "Lines__r": {"records": [line, line]}}
    account = {"attributes": {"type": "Account"}, "Name": "A", "Invoices__r": {"records": [invoice]}, "Contacts": None}
    path = tmp_path / "tree.json"
    path.write_text(json.dumps({"records": [account]}), encoding="utf-8")

    assert plant(org, path) == 4

    rows = org.query("SELECT Invoice__r.Account__r.Name FROM Invoice_Line__c").rows
    assert ["A", "A"] == [row["Invoice__r"]["Account__r"]["Name"] for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("Nothing__c.csv", "Name\nx\n", "row 1: the org has no object 'Nothing__c'"),
        ("Account.csv", "Name\nx,y\n", "row 1: has 2 cells, the header has 1"),
        ("Account.csv", "Nam\nx\n", "row 1 (Account): INVALID_FIELD: No such column 'Nam'"),
        ("Account.csv", 'Name\n"x\n', "is no CSV"),
        ("Account.csv", "", "the first row has to name the fields"),
        ("a.json", "{", "is no JSON"),
        ("a.json", "{}", 'has to be {"records"'),
        ("a.json", '[{"Name": "x"}]', "record 1: attributes.type has to name the object"),
        ("a.json", '[{"attributes": {"type": "Contact"}, "AccountId": "@B"}]', "refers to @B, which no row is called"),
        ("a.txt", "", "rows come from .csv and .json files"),
    ],
)
def test_errors_name_file_and_row(org, tmp_path, name, content, text):
    """A file or row that is no good is told with its place, and nothing is kept."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    with pytest.raises(SeedError) as caught:
        plant(org, path)

    assert str(path) in str(caught.value)
    assert text in str(caught.value)
    assert org.count("Account") == 0


def test_rows_that_wait_for_each_other(org, tmp_path):
    """A circle of references is refused."""
    path = tmp_path / "a.json"
    rows = [
        {"attributes": {"type": "Account", "referenceId": "A"}, "Name": "a", "ParentId": "@B"},
        {"attributes": {"type": "Account", "referenceId": "B"}, "Name": "b", "ParentId": "@A"},
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")

    with pytest.raises(SeedError, match="wait for each other"):
        plant(org, path)


def test_names_of_custom_records(org):
    """An auto number follows its format; a text name that is not given is the id."""
    account = org.create("Account", {"Name": "A"}, user_id=org.admin_id)
    invoice = org.create("Invoice__c", {"Account__c": account}, user_id=org.admin_id)
    line = org.create("Invoice_Line__c", {"Invoice__c": invoice, "Quantity__c": 1}, user_id=org.admin_id)

    assert org.get("Invoice__c", invoice, ["Name"])["Name"] == "INV-2026-0007"
    assert line == org.get("Invoice_Line__c", line, ["Name"])["Name"]
