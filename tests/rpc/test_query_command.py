"""`sluicegate query` against a running service."""

import asyncio
import csv
import io
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from service.emulator.effects import Delay

ROWS = 450
"""More than two of the smallest pages."""


@pytest.fixture
def company(org, unique) -> str:
    """Create leads, one with a text that is hard to quote, and return the company that they share."""
    name: str = unique("Printed")
    for number in range(ROWS):
        values = {"LastName": f"N{number:05}", "Company": name, "Description": 'a "b",\nc' if not number else None}
        org.create("Lead", values, user_id=org.admin_id)
    return name


async def begin(app, soql: str, *arguments: object, columns: int = 80) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "query", soql, "--target", app.addresses.grpc, *map(str, arguments)),
        env={**environment, "COLUMNS": str(columns)},
        stdout=PIPE,
        stderr=PIPE,
    )


async def query(app, soql: str, *arguments: object, columns: int = 80) -> tuple[int | None, str, str]:
    """Run the command, and return its status, its output and what it said beside it."""
    process = await begin(app, soql, *arguments, columns=columns)
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_csv(app, company):
    """Every reader of CSV gets the cells back, quotes and line ends included; nulls are empty."""
    soql = "SELECT LastName, Description FROM Lead WHERE Company = :c ORDER BY LastName"

    status, output, errors = await query(app, soql, "-p", f"c={company}", "-o", "csv", "--max-rows", 2)

    assert (0, "") == (status, errors)
    assert 'LastName,Description\r\nN00000,"a ""b"",\nc"\r\nN00001,\r\n' == output


@pytest.mark.parametrize("form", ["json", "jsonl"])
async def test_json(app, company, form):
    """An array for a program, or a line for each row; parameters are typed."""
    soql = "SELECT LastName, Description FROM Lead WHERE Company = :c AND CreatedDate > :d AND LastName IN :n"
    given = ("-p", f"c={company}", "-p", 'n:=["N00000", "N00001"]', "-p", "d:=2020-01-01T00:00:00Z")

    status, output, errors = await query(app, soql, *given, "-o", form, "--batch-size", 1)

    rows = json.loads(output) if form == "json" else [json.loads(line) for line in output.splitlines()]
    expected = [{"LastName": "N00000", "Description": 'a "b",\nc'}, {"LastName": "N00001", "Description": None}]
    assert (0, "") == (status, errors)
    assert expected == sorted(rows, key=lambda row: row["LastName"])


@pytest.mark.parametrize("columns", [80, 120])
async def test_a_table_fits_the_terminal(app, company, columns):
    """No line is longer than the terminal is wide; a result of many columns is a line for each cell."""
    narrow = "SELECT LastName, Company, Description FROM Lead WHERE Company = :c ORDER BY LastName"
    wide = (
        "SELECT Id, LastName, Company, Description, Email, Phone, Title, City, Street, Country, State, Industry, "
        "PostalCode, LeadSource, Rating, Status FROM Lead WHERE Company = :c ORDER BY LastName"
    )

    for soql in (narrow, wide):
        status, output, errors = await query(app, soql, "-p", f"c={company}", "--max-rows", 3, columns=columns)

        assert (0, "") == (status, errors)
        assert columns >= max(map(len, output.splitlines()))
        assert "N00001" in output


async def test_count(app, company):
    """`SELECT COUNT()` is its number."""
    assert (0, f"{ROWS}\n", "") == await query(app, "SELECT COUNT() FROM Lead WHERE Company = :c", "-p", f"c={company}")


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
async def test_a_stopped_query_goes_on_in_its_file(app, company, disturbances, tmp_path: Path, form):
    """What stood there was whole, and with the rest no row is there twice or missing."""
    soql = "SELECT LastName FROM Lead WHERE Company = :c ORDER BY LastName"
    output, progress = tmp_path / "rows", tmp_path / "rows.resume"
    arguments = ("-p", f"c={company}", "-o", form, "--output", output, "--batch-size", 200)
    disturbances.add(Delay(20), path="/query/01g", times=None)

    process = await begin(app, soql, *arguments)
    async with asyncio.timeout(20):
        while not (output.exists() and output.stat().st_size):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    disturbances.clear()
    before = names(output.read_text(encoding="utf-8"), form)
    status, _, _ = await query(app, soql, *arguments, "--resume", progress)

    expected = [f"N{number:05}" for number in range(ROWS)]
    assert process.returncode == 130
    assert f"with --resume {progress}" in errors.decode()
    assert expected[:200] == before
    assert (0, expected) == (status, names(output.read_text(encoding="utf-8"), form))
    assert not progress.exists()


def names(text: str, form: str) -> list[str]:
    """Read the last names of an output."""
    if form == "csv":
        return [row["LastName"] for row in csv.DictReader(io.StringIO(text))]
    rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    return [row["LastName"] for row in rows]


async def test_explain(app):
    """The plan is told to a person and to a program."""
    soql = "SELECT Id, Company FROM Lead WHERE LastName = 'x'"

    table = await query(app, soql, "--explain")
    found = await query(app, soql, "--explain", "-o", "json")

    assert (0, 0) == (table[0], found[0])
    assert "Lead.Company" in table[1]
    assert "rest" == json.loads(found[1])["route"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("-p", "x"), 2, "is not name=text"),
        (("-p", "a:={}"), 2, "text is given as name=text"),
        (("-p", "a=1", "-p", "a=2"), 2, "given twice"),
        (("--resume", "x"), 2, "cannot be gone on with"),
        (("-p", "a=1"), 1, "INVALID_PARAMETER"),
    ],
)
async def test_mistakes(app, arguments, status, told):
    """A mistake of the command line ends with status 2, a refused query with status 1, and nothing is written."""
    found, output, errors = await query(app, "SELECT Id FROM Lead", *arguments)

    assert (status, "") == (found, output)
    assert told in errors
