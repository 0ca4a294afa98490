"""`sluicegate bulk` against a running service."""

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


async def begin(*arguments: object, output: int = PIPE) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "bulk", *map(str, arguments)), env=environment, stdout=output, stderr=PIPE
    )


async def bulk(*arguments: object) -> tuple[int | None, str, str]:
    """Run the command, and return its status, its output and what it said beside it."""
    process = await begin(*arguments)
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def company(unique) -> str:
    """A company that no other lead has."""
    name: str = unique("Loaded")
    return name


@pytest.fixture
def data(tmp_path: Path, company: str) -> Path:
    """A file of five leads, of which the third has no company."""
    lines = [f"{company}-{number},N{number},{'' if number == 2 else company}\n" for number in range(5)]
    path = tmp_path / "leads.csv"
    path.write_text(f"key,name,Company\n{''.join(lines)}", encoding="utf-8")
    return path


@pytest.fixture
def given(app, data: Path) -> tuple[object, ...]:
    """The arguments that load it."""
    assert app.addresses is not None
    mapping = ("--map", "key=Ext__c", "--map", "name=LastName", "--constant", "Title=Dr.")
    upsert = ("--operation", "upsert", "--external-id", "Ext__c")
    return ("load", data, "--object", "Lead", *upsert, *mapping, "--target", app.addresses.grpc)


async def test_a_file_is_loaded(org, given, data, company):
    """Rows are mapped and completed; what failed is told by row, key and reason, and later by the file that is kept."""
    status, output, errors = await bulk(*given, "--keep-results")

    assert 1 == status, errors
    assert output.startswith("5 rows: 4 created, 1 failed. ")
    (failed,) = csv.DictReader(io.StringIO((data.parent / "leads.csv.failed.csv").read_text(encoding="utf-8")))
    assert ("3", f"{company}-2", "Company") == (failed["row"], failed["key"], failed["fields"])
    assert "REQUIRED_FIELD_MISSING" == failed["reason"]
    found = org.query(f"SELECT LastName FROM Lead WHERE Company = '{company}' AND Title = 'Dr.' ORDER BY LastName").rows
    assert ["N0", "N1", "N3", "N4"] == [row["LastName"] for row in found]

    note = data.with_name("leads.csv.load")
    _, watched, _ = await bulk("watch", note)
    _, listed, _ = await bulk("results", note, "--outcome", "created")
    _, cancelled, _ = await bulk("cancel", note, "-o", "json")

    assert "complete: 5 rows tried, 1 of them failed; parts: 1 done\n" == watched
    expected = {f"{company}-{number}" for number in (0, 1, 3, 4)}
    assert expected == {row["key"] for row in csv.DictReader(io.StringIO(listed))}
    assert "complete" == json.loads(cancelled)["state"]


async def test_a_load_that_is_over_can_be_repeated(given, data):
    """Its file and its failures make room for those of the next one."""
    await bulk(*given)
    data.write_text(data.read_text(encoding="utf-8").replace(",\n", ",Radium\n"), encoding="utf-8")

    status, output, errors = await bulk(*given, "-o", "json")

    told = json.loads(output)
    assert (0, "") == (status, errors)
    assert (1, 4, 0, None) == (told["created"], told["updated"], told["failed"], told["failures"])
    assert not data.with_name("leads.csv.failed.csv").exists()


async def test_a_load_is_stopped_and_gone_on_with(given, data, disturbances, org, company):
    """The command says how, nothing else begins it anew, and every row is there once."""
    insert = (*given, "--operation", "insert", "--external-id", "")
    note = data.with_name("leads.csv.load")
    rule = disturbances.add(Delay(20), path="/jobs/ingest/", method="PATCH", times=1)
    process = await begin(*insert)
    async with asyncio.timeout(20):
        while rule.times:  # noqa: ASYNC110 - the emulator counts it down
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    stopped = process.returncode
    refused, _, advice = await bulk(*insert)
    disturbances.clear()

    status, output, _ = await bulk("load", "--resume", note, "-o", "json")

    assert (130, 2, 1) == (stopped, refused, status)
    assert f"go on with: sluicegate bulk load --resume {note}\n" in errors.decode()
    assert "keeps a load that is not over" in advice
    assert (4, 1) == (json.loads(output)["created"], json.loads(output)["failed"])
    assert 4 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}'").total_size


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--map", "nme=FirstName"), "did you mean 'name'?"),
        (("--map", "name"), "--map must be name=value, not 'name'"),
        (("--map", "a=B", "--map", "a=C"), "--map names a twice"),
        (("--target", "http://x"), "without a scheme"),
        (("--resume", "leads.csv.load"), "leave the data and --object out"),
    ],
)
async def test_what_is_wrong_is_told(given, data, arguments, text):
    """Nothing is written, and nothing is left beside the data."""
    status, output, errors = await bulk(*given, *arguments)

    assert (2, "") == (status, output)
    assert text in errors
    assert [data] == list(data.parent.iterdir())


async def test_a_reader_may_leave(given, data):
    """Results that nobody reads on end without a word."""
    await bulk(*given)
    reading, writing = os.pipe()
    os.close(reading)

    process = await begin("results", data.with_name("leads.csv.load"), output=writing)
    os.close(writing)
    _, errors = await process.communicate()

    assert (1, b"") == (process.returncode, errors)


async def test_what_is_no_load(tmp_path):
    """Files that are not there, or tell of no load, are named."""
    other = tmp_path / "other.load"
    other.write_text("x", encoding="utf-8")

    absent = await bulk("watch", tmp_path / "absent.load")
    wrong = await bulk("load", "--resume", other)

    assert (2, 2) == (absent[0], wrong[0])
    assert "there is no file" in absent[2]
    assert "does not tell of a load" in wrong[2]
