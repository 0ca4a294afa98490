"""`sluicegate query` against a running service."""

import asyncio
import csv
import fcntl
import io
import json
import os
import pty
import signal
import struct
import sys
import termios
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from sluicegate import Client

from service.emulator.effects import Delay
from tests.support.forked import forked

FULL = Path("/dev/full")
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


async def begin(app, soql: str, *arguments: object, columns: int = 80, **streams: Any) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "query", soql, "--target", app.addresses.grpc, *map(str, arguments)),
        env={**environment, **terminal(columns)},
        **{"stdout": PIPE, "stderr": PIPE, **streams},
    )


async def query(app, soql: str, *arguments: object, columns: int = 80) -> tuple[int | None, str, str]:
    """Run the command, and return its status, its output and what it said beside it."""
    command = ("query", soql, "--target", app.addresses.grpc, *map(str, arguments))
    async with forked(*command, environment=terminal(columns), stderr=PIPE) as process:
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


def terminal(columns: int) -> dict[str, str]:
    """Return what a terminal tells of itself."""
    return {"COLUMNS": str(columns), "TERM": "xterm"}


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


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", f"{ROWS}\n"),
        ("csv", f"count\r\n{ROWS}\r\n"),
        ("json", f'[\n{{"count":{ROWS}}}\n]\n'),
        ("jsonl", f'{{"count":{ROWS}}}\n'),
    ],
)
async def test_count(app, company, form, expected):
    """`SELECT COUNT()` is its number, for programs under a name."""
    soql = "select count() from Lead WHERE Company = :c"

    assert (0, expected, "") == await query(app, soql, "-p", f"c={company}", "-o", form)


async def test_parquet(app, company, tmp_path: Path):
    """A file has the types of the fields, and every row once."""
    soql = (
        "SELECT LastName, AnnualRevenue, IsConverted, CreatedDate, Owner.Name FROM Lead WHERE Company = :c "
        "ORDER BY LastName"
    )
    path = tmp_path / "leads.parquet"
    arguments = ("-p", f"c={company}", "-o", "parquet", "--batch-size", 100)

    ended = await query(app, soql, *arguments, "--output", path)
    empty = await query(app, soql, "-p", "c=nobody", "-o", "parquet", "--output", tmp_path / "empty.parquet")

    table = pq.read_table(path)
    assert ((0, "", ""), (0, "", "")) == (ended, empty)
    assert [f"N{number:05}" for number in range(ROWS)] == table["LastName"].to_pylist()
    expected = {
        "LastName": "string",
        "AnnualRevenue": "decimal128(38, 18)",
        "IsConverted": "bool",
        "CreatedDate": "timestamp[ms, tz=UTC]",
        "Owner": "struct<Name: string>",
    }
    assert expected == {field.name: str(field.type) for field in table.schema}
    assert table.schema == pq.read_schema(tmp_path / "empty.parquet")


async def test_who_asks_and_how_urgently(app, company):
    """The caller has a share of the org's calls after it; a name that the service would refuse is not sent."""
    caller = f"caller-{company}"
    arguments = ("-p", f"c={company}", "--priority", "batch", "--page-size", 200)
    soql = "SELECT Id FROM Lead WHERE Company = :c"

    ended = await query(app, soql, *arguments, "--caller", caller)
    refused = await query(app, soql, *arguments, "--caller", "no name")

    async with Client(app.addresses.grpc) as client:
        governor = (await client.get_limits(known_only=True)).governor
    assert governor is not None
    assert 0 == ended[0]
    assert 3 <= governor.callers[caller].used_calls
    assert (2, "") == refused[:2]
    assert "caller is 'no name'" in refused[2]


async def test_a_reader_that_has_seen_enough(app, company):
    """`head` ends the query without a word."""
    reading, writing = os.pipe()
    process = await begin(
        app, "SELECT Id FROM Lead WHERE Company = :c", "-p", f"c={company}", "-o", "csv", stdout=writing
    )
    os.close(writing)
    os.close(reading)

    _, errors = await process.communicate()

    assert (141, b"") == (process.returncode, errors)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes of this system have no size")
async def test_a_reader_that_does_not_read(app, company):
    """The first signal waits for the rows that are being written, the second one does not."""
    reading, writing = os.pipe()
    room = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    process = await begin(
        app, "SELECT Id FROM Lead WHERE Company = :c", "-p", f"c={company}", "-o", "jsonl", stdout=writing
    )
    os.close(writing)
    async with asyncio.timeout(20):
        while held(reading) < room:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)

    async with asyncio.timeout(20):
        assert await process.wait() in {-signal.SIGINT, -signal.SIGTERM}
    os.close(reading)


def held(pipe: int) -> int:
    """Return how many bytes wait in a pipe."""
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))
    return int(count)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
async def test_a_full_disk(app, company):
    """What cannot be written is said in a line, with the place that is full."""
    found = await query(
        app, "SELECT Id FROM Lead WHERE Company = :c", "-p", f"c={company}", "-o", "csv", "--output", FULL
    )

    assert (1, "") == found[:2]
    assert found[2].startswith(f"sluicegate: {FULL} cannot be written: No space left on device\n")


async def test_a_refused_query_leaves_the_file_alone(app, tmp_path: Path):
    """An earlier result is written over by rows only."""
    path = tmp_path / "leads.csv"
    path.write_text("an earlier result", encoding="utf-8")

    status, _, _ = await query(app, "SELECT Nothing FROM Lead", "-o", "csv", "--output", path)

    assert 1 == status
    assert "an earlier result" == path.read_text(encoding="utf-8")


async def test_a_mistake_is_shown_in_the_query(app):
    """A person sees the place, a program the facts."""
    soql = "SELECT Id\nFROM Lead WHERE LastNam = 'Curie'"

    _, _, told = await query(app, soql)
    _, _, facts = await query(app, soql, "-o", "jsonl")

    first, line, caret = told.splitlines()
    assert "UNKNOWN_FIELD" in first
    assert "LastName" in first
    assert "  2 | FROM Lead WHERE LastNam = 'Curie'" == line
    assert line.index("LastNam") == caret.index("^")
    assert "UNKNOWN_FIELD" == json.loads(facts)["reason"]


async def test_a_terminal_shows_how_far_it_is(app, company, disturbances, tmp_path: Path):
    """Beside rows that go to a file a line tells how far they are; it is gone at the end, but for their number."""
    path = tmp_path / "leads.csv"
    soql = "SELECT Id FROM Lead WHERE Company = :c"
    disturbances.add(Delay(3), path="/query", times=1)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))

    process = await begin(app, soql, "-p", f"c={company}", "-o", "csv", "--output", path, stderr=theirs)
    os.close(theirs)
    await process.communicate()

    shown = await asyncio.to_thread(seen, ours)
    assert 0 == process.returncode
    assert "\r\x1b[Kwaiting for the first row, 0:0" in shown
    assert shown.endswith(f"\r\x1b[K{ROWS} rows\r\n")


def seen(terminal: int) -> str:
    """Return what a terminal was told, after everyone who would tell it more has gone."""
    parts = []
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as reader:
        while part := reader.read(65_536):
            parts.append(part)
    return b"".join(parts).decode()


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


async def test_a_query_from_standard_input(app):
    """Long queries come from files; their lines are counted as they stand there."""
    process = await begin(app, "-", stdin=PIPE)

    _, told = await process.communicate(b"SELECT Id\nFROM Lead\nWHERE LastNam = 'x'\n")

    assert 1 == process.returncode
    assert "  3 | WHERE LastNam = 'x'" == told.decode().splitlines()[1]


async def test_explain(app):
    """The plan is told to a person and to a program."""
    soql = "SELECT Id, Company FROM Lead WHERE LastName = 'x'"

    table = await query(app, soql, "--explain")
    found = await query(app, soql, "--explain", "-o", "json")

    assert (0, 0) == (table[0], found[0])
    assert "Lead.Company" in table[1]
    assert "rest" == json.loads(found[1])["route"]


@pytest.mark.parametrize("options", [(), ("--explain",)])
async def test_a_value_of_another_type(app, options):
    """Text that should have been a number is told by the parameter's name, and how to give numbers."""
    status, output, told = await query(
        app, "SELECT Id FROM Lead WHERE NumberOfEmployees > :least", "-p", "least=ten", *options
    )

    assert (1, "") == (status, output)
    assert ":least holds text, and Lead.NumberOfEmployees is compared with a number (row 1, column 47)" in told
    assert "name:=value gives numbers" in told


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("-p", "x"), 2, "is not name=text"),
        (("-p", "a:={}"), 2, "text is given as name=text"),
        (("-p", "a=1", "-p", "a=2"), 2, "given twice"),
        (("--resume", "x"), 2, "cannot be gone on with"),
        (("-p", "a=1"), 1, "INVALID_PARAMETER"),
        (("--page-size", "100"), 2, "--page-size"),
        (("--priority", "urgent"), 2, "'interactive'"),
        (("--target", "http://example"), 2, "without a scheme"),
        (("--output", "/nowhere/leads.csv"), 2, "/nowhere/leads.csv: No such file"),
    ],
)
async def test_mistakes(app, arguments, status, told):
    """A mistake of the command line ends with status 2, a refused query with status 1, and nothing is written."""
    found, output, errors = await query(app, "SELECT Id FROM Lead", *arguments)

    assert (status, "") == (found, output)
    assert told in errors
