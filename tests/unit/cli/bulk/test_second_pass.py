"""What a second pass loads: references of the rows that are there."""

import csv
from pathlib import Path

import pytest

from service.bulk.data.columns import RESULT_COLUMNS
from service.cli.bulk.orphans import Parents, explain_orphans
from service.cli.bulk.second_pass import SecondPass
from service.cli.bulk.sources import Source


def failures(path: Path, *rows: tuple[int, str]) -> Path:
    """Write a file of failures."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(RESULT_COLUMNS)
        writer.writerows((number, key, 1, "failed", "WHY", "", "", "not found", "") for number, key in rows)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Six accounts, of which some have parents."""
    path = tmp_path / "accounts.csv"
    rows = ["A-1;;One", "", "A-2;A-1;Two", 'A-3;"A;9";Three', "A-4;none;Four", "A-5;A-3;Five", "A-6;;Six"]
    path.write_text("key;up;Name\n" + "\n".join(rows) + "\n", encoding="utf-8")
    mapping = {"key": "Ext__c", "up": "Parent.Ext__c"}
    return Source(file=str(path), object="Account", external_id="Ext__c", map=mapping, null_text="none")


def test_rows_that_were_written_and_refer_to_others_are_taken(source, tmp_path):
    """Keys and references alone, null as Salesforce has it; the numbers are those of the file."""
    failed = failures(tmp_path / "failed.csv", (4, "A-4"), (2, "A-2"))
    second = SecondPass(source, ["Ext__c", "Parent.Ext__c"], failed)

    second.write(tmp_path / "second")

    assert "Ext__c,Parent.Ext__c\nA-3,A;9\nA-5,A-3\n" == (tmp_path / "second").read_text(encoding="utf-8")
    assert [3, 5] == list(second.numbers)


def test_null_is_a_reference_too(source, tmp_path):
    """Without failures all rows are candidates, and counting finds the same ones."""
    second = SecondPass(source, ["Ext__c", "Parent.Ext__c"], tmp_path / "none.csv")
    second.write(tmp_path / "second")
    again = SecondPass(source, ["Ext__c", "Parent.Ext__c"], tmp_path / "none.csv")
    again.count()

    assert "A-4,#N/A\n" in (tmp_path / "second").read_text(encoding="utf-8")
    assert [2, 3, 4, 5] == list(second.numbers) == list(again.numbers)


def test_a_reference_that_is_the_same_in_all_rows_needs_all_rows(tmp_path):
    """It is no column of the data."""
    path = tmp_path / "accounts.csv"
    path.write_text("Ext__c,Name\nA-1,One\nA-2,Two\n", encoding="utf-8")
    constants = {"Parent.Ext__c": "A-1", "Rating": "Hot"}
    source = Source(file=str(path), object="Account", external_id="Ext__c", constants=constants)
    second = SecondPass(source, ["Ext__c", "Parent.Ext__c"], tmp_path / "none.csv")

    second.write(tmp_path / "second")

    assert "Ext__c\nA-1\nA-2\n" == (tmp_path / "second").read_text(encoding="utf-8")


def test_children_of_failed_parents_say_so(source, tmp_path):
    """Those alone; doing it twice changes nothing, and keys compare without case."""
    children = tmp_path / "contacts.csv"
    children.write_text("Ext__c,Account.Ext__c\nC-1,A-2\nC-2,a-4\nC-3,A-4\nC-4,A-9\n", encoding="utf-8")
    contact = Source(file=str(children), object="Contact", external_id="Ext__c")
    parents = [Parents("Account.Ext__c", source, failures(tmp_path / "p.csv", (4, "A-4"), (2, "A-2")))]
    failed = failures(tmp_path / "c.csv", (4, "C-4"), (2, "C-2"), (3, "C-3"))

    first = explain_orphans(contact, failed, parents)
    text = failed.read_text(encoding="utf-8")
    second = explain_orphans(contact, failed, parents)

    assert (2, 2) == (first, second)
    assert text == failed.read_text(encoding="utf-8")
    with failed.open(encoding="utf-8", newline="") as file:
        messages = {line["sluicegate_key"]: line["sluicegate_message"] for line in csv.DictReader(file)}
    why = "its parent A-4 was not written (accounts.csv, row 4: WHY); not found"
    assert {"C-2": why, "C-3": why, "C-4": "not found"} == messages


def test_without_failed_parents_nothing_is_said(source, tmp_path):
    """The failures stay as they are."""
    failed = failures(tmp_path / "c.csv", (1, "A-1"))
    before = failed.read_bytes()

    count = explain_orphans(source, failed, [Parents("Parent.Ext__c", source, tmp_path / "none.csv")])

    assert (0, before) == (count, failed.read_bytes())
