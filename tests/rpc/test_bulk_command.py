"""`sluicegate bulk` against a running service."""

import asyncio
import csv
import io
import json
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import pytest
from sluicegate import TokenFile

from service.emulator.effects import Delay
from tests.support.forked import forked


async def begin(*arguments: object, output: int = PIPE, given: int = DEVNULL, folder: Path | None = None) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "bulk", *map(str, arguments)),
        env=environment,
        stdin=given,
        stdout=output,
        stderr=PIPE,
        cwd=folder,
    )


async def bulk(
    *arguments: object, piped: bytes | None = None, folder: Path | None = None
) -> tuple[int | None, str, str]:
    """Run the command, and return its status, its output and what it said beside it."""
    if piped is None and folder is None:
        async with forked("bulk", *map(str, arguments), stderr=PIPE) as command:
            output, errors = await command.communicate()
        return command.returncode, output.decode(), errors.decode()
    process = await begin(*arguments, given=DEVNULL if piped is None else PIPE, folder=folder)
    output, errors = await process.communicate(piped)
    return process.returncode, output.decode(), errors.decode()


def lines_of(path: Path) -> list[dict[str, str]]:
    """Read a file of results, in the order of rows."""
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return sorted(rows, key=lambda row: int(row["sluicegate_row"]))


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


async def test_few_rows_have_no_job_whose_results_are_kept(given, data):
    """What their file cannot tell says why, and what to do."""
    await bulk(*given)

    note = data.with_name("leads.csv.load")
    _, watched, _ = await bulk("watch", note)
    status, listed, refused = await bulk("results", note, "--outcome", "created")

    assert "complete: 5 rows tried, 1 of them failed; parts: 1 done\n" == watched
    assert (0, "") != (status, listed)
    assert "LOAD_WITHOUT_JOB" in refused
    assert "keep_results" in refused


async def test_a_file_is_loaded(org, given, data, company):
    """Rows are mapped and completed; what failed is told by row, key and reason, and later by the file that is kept."""
    status, output, errors = await bulk(*given, "--keep-results")

    assert 1 == status, errors
    assert output.startswith("5 rows: 4 created, 1 failed. ")
    (failed,) = csv.DictReader(io.StringIO((data.parent / "leads.csv.failed.csv").read_text(encoding="utf-8")))
    assert ("3", f"{company}-2", "Company") == (
        failed["sluicegate_row"],
        failed["sluicegate_key"],
        failed["sluicegate_fields"],
    )
    assert "REQUIRED_FIELD_MISSING" == failed["sluicegate_reason"]
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


async def test_rows_that_failed_are_mended_where_their_reasons_stand(org, given, data, company):
    """They lie there in order with their own columns, and the same command takes the file as it is."""
    lines = [f"{company}-{number};N{number};{company if number % 2 else ''}\n" for number in range(9)]
    data.write_text("\ufeffkey;name;Company\n" + "".join(lines), encoding="utf-8")
    load = (*given, "--delimiter", "semicolon")

    first = await bulk(*load)
    failed = data.with_name("leads.csv.failed.csv")
    text = failed.read_text(encoding="utf-8")
    failed.write_text(re.sub(";$", f";{company}", text, flags=re.MULTILINE), encoding="utf-8")
    second = await bulk("load", failed, *load[2:])

    assert first[1].startswith("9 rows: 4 created, 5 failed. ")
    assert (
        f"the rows that were not written are in {failed}; mend them there and load that file like this one" in first[2]
    )
    header, *rows = text.splitlines()
    assert header.startswith("\ufeffsluicegate_row;sluicegate_key;")
    assert header.endswith(";sluicegate_record_id;key;name;Company")
    assert ["1", "3", "5", "7", "9"] == [row.partition(";")[0] for row in rows]
    assert [f"{company}-{number};N{number};" for number in range(0, 9, 2)] == [
        ";".join(row.split(";")[-3:]) for row in rows
    ]
    assert (0, True) == (second[0], second[1].startswith("5 rows: 5 created. "))
    assert 9 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}' AND Title = 'Dr.'").total_size


async def test_a_load_that_a_command_goes_on_with_is_cancelled_in_vain(given, data):
    """What is aborted is told, and that the command which has the load would begin further parts."""
    await bulk(*given)
    note = data.with_name("leads.csv.load")
    with TokenFile(note):
        status, output, errors = await bulk("cancel", note)

    assert (1, "complete: 5 rows tried, 1 of them failed; parts: 1 done\n") == (status, output)
    assert "sluicegate: a command still loads it: stop that by Ctrl-C, then cancel what it has begun\n" == errors


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
        (("--resume", "leads.csv.load"), "leads.csv.load"),
        (("--repeat-results",), "--repeat-results tells of a load that there is; name its file by --resume"),
        (("--line-end", "crlf"), "line feed"),
        (("--map", "nme=FirstName"), "sluicegate: INVALID_DATA: the mapping names column 'nme'"),
        (("--map", "nme=FirstName", "-o", "json"), '  "reason": "INVALID_DATA"'),
        (("--operation", "insert"), "an upsert needs --external-id, the field to go by; no other --operation has one"),
        (("--external-id", ""), "an upsert needs --external-id, the field to go by; no other --operation has one"),
        (("--org", "nowhere"), "sluicegate: UNKNOWN_ORG: no org 'nowhere' is configured\n  org: name a configured org"),
        (("--failures", "nowhere/failed.csv"), "nowhere for the results; name another place with --failures"),
    ],
)
async def test_what_is_wrong_is_told(given, data, arguments, text):
    """Nothing is written, and nothing is left beside the data."""
    status, output, errors = await bulk(*given, *arguments)

    assert (2, "") == (status, output)
    assert text in errors
    assert [data] == list(data.parent.iterdir())


async def test_the_name_tells_json(app, tmp_path, company):
    """A file of JSON is read as lines of it; what is one large array is told so, not taken for CSV."""
    target = ("--object", "Lead", "--target", app.addresses.grpc)
    lines, array = tmp_path / "LEADS.NDJSON", tmp_path / "leads.json"
    lines.write_text(f'{{"LastName": "N", "Company": "{company}"}}\n', encoding="utf-8")
    array.write_text(f'[{{"LastName": "N", "Company": "{company}"}}]\n', encoding="utf-8")

    loaded = await bulk("load", lines, *target)
    refused = await bulk("load", array, *target)

    assert (0, 2) == (loaded[0], refused[0])
    assert "row 1 (line 1): it is not a JSON object; write one object a line" in refused[2]


async def test_rows_of_json_that_failed_are_mended_as_csv(app, org, tmp_path, company):
    """Their file has a column for each key, and loads with the options that the lines were loaded with."""
    options = ("--object", "Lead", "--map", "firm=Company", "--target", app.addresses.grpc)
    lines = tmp_path / "leads.jsonl"
    rows = [{"LastName": "N1", "firm": company}, {"firm": company, "Title": None}, {"LastName": "N3", "firm": company}]
    lines.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    first = await bulk("load", lines, *options)
    failed = tmp_path / "leads.jsonl.failed.csv"
    text = failed.read_text(encoding="utf-8")
    failed.write_text(
        text.replace(f",{company},", f",{company},N2,").replace("firm,", "firm,LastName,"), encoding="utf-8"
    )
    second = await bulk("load", failed, *options)

    assert (1, True) == (first[0], first[2].endswith(f"{failed}; mend them there and load that file as CSV\n"))
    assert text.endswith(f",{company},#N/A\n")
    assert (0, "") == (second[0], second[2])
    assert 3 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}'").total_size


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
    gone = await bulk("load", tmp_path / "absent.csv", "--object", "Lead")
    folder = await bulk("load", tmp_path, "--object", "Lead")
    device = await bulk("load", os.devnull, "--object", "Lead")

    assert (2, 2, 2, 2) == (absent[0], wrong[0], gone[0], folder[0])
    assert "there is no file" in absent[2]
    assert "does not tell of a load" in wrong[2]
    assert f"sluicegate: {tmp_path / 'absent.csv'}: No such file or directory\n" == gone[2]
    assert f"sluicegate: {tmp_path} is no file that could be read again; name a file in it\n" == folder[2]
    assert "/dev/null is no file that could be read again; pipe it into: sluicegate bulk load - ...\n" in device[2]


async def test_the_standard_input_is_loaded(given, data, org, company, tmp_path: Path):
    """What is piped in, and what is redirected from a file, loads as the file would; its note lies in the folder."""
    options = given[2:]
    folder = tmp_path / "work"
    folder.mkdir()

    piped = await bulk("load", "-", *options, piped=data.read_bytes(), folder=folder)
    with data.open("rb") as file:
        process = await begin("load", "-", *options, given=file.fileno(), folder=folder)
    output, _ = await process.communicate()

    assert 1 == piped[0], piped[2]
    assert piped[1].startswith("5 rows: 4 created, 1 failed. ")
    assert output.decode().startswith("5 rows: 4 updated, 1 failed. ")
    assert ["stdin.failed.csv", "stdin.load"] == sorted(path.name for path in folder.iterdir())
    assert ["3"] == [row["sluicegate_row"] for row in lines_of(folder / "stdin.failed.csv")]
    assert "without their own columns, as the standard input is not kept" in piped[2]
    assert 4 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}'").total_size


async def test_a_load_of_the_standard_input_is_stopped_and_gone_on_with(given, data, disturbances, org, company):
    """Ctrl-C ends it though nobody writes on, and the same data goes on with it: every row is there once."""
    insert = (*given[2:], "--operation", "insert", "--external-id", "")
    folder = data.parent
    rule = disturbances.add(Delay(20), path="/jobs/ingest/", method="PATCH", times=1)
    process = await begin("load", "-", *insert, given=PIPE, folder=folder)
    assert process.stdin is not None
    process.stdin.write(data.read_bytes())
    process.stdin.close()
    async with asyncio.timeout(20):
        while rule.times:  # noqa: ASYNC110 - the emulator counts it down
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    disturbances.clear()

    other = await bulk("load", "-", "--resume", "stdin.load", piped=b"key,name,Company\nx,y,z\n", folder=folder)
    status, output, _ = await bulk(
        "load", "--resume", "stdin.load", "-o", "json", piped=data.read_bytes(), folder=folder
    )

    assert 130 == process.returncode
    assert f"give the same data again to: sluicegate bulk load --resume {folder / 'stdin.load'}\n" in errors.decode()
    assert 3 == other[0]
    assert "give the same data again, unchanged" in other[2]
    assert (1, 4) == (status, json.loads(output)["created"])
    assert 4 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}'").total_size


async def test_a_silent_standard_input_can_be_stopped(given, data):
    """A signal ends the command while whoever pipes into it says nothing, and nothing is left behind."""
    process = await begin("load", "-", *given[2:], given=PIPE, folder=data.parent)
    assert process.stdin is not None
    process.stdin.write(b"key,name,Company\n")
    note = data.with_name("stdin.load")
    async with asyncio.timeout(60):
        # The service has answered when there is a token.
        while not (note.exists() and re.search(r'"resume_token": "\w', note.read_text(encoding="utf-8"))):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)

    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        _, errors = await process.communicate()

    assert (130, "sluicegate: nothing was written\n") == (process.returncode, errors.decode())
    assert [data] == list(data.parent.iterdir())


async def test_results_of_every_row_are_told_later(given, data, org, company):
    """A load that is over tells them from its file, with numbers and ids, and writes nothing again."""
    insert = (*given, "--operation", "insert", "--external-id", "", "--key-column", "key")
    await bulk(*insert)
    note = data.with_name("leads.csv.load")

    alone = await bulk("load", "--resume", note, "--results", "all")
    status, output, errors = await bulk("load", "--resume", note, "--results", "all", "--repeat-results")

    found = lines_of(data.with_name("leads.csv.results.csv"))
    assert 2 == alone[0]
    assert "need --repeat-results" in alone[2]
    assert (1, True) == (status, output.startswith("5 rows: 4 created, 1 failed. "))
    assert f"what became of each row is in {data.with_name('leads.csv.results.csv')}\n" in errors
    assert [(str(number + 1), f"{company}-{number}") for number in range(5)] == [
        (row["sluicegate_row"], row["sluicegate_key"]) for row in found
    ]
    assert ["created", "created", "failed", "created", "created"] == [row["sluicegate_outcome"] for row in found]
    assert 4 == len({row["sluicegate_record_id"] for row in found if row["sluicegate_record_id"]})
    assert 4 == org.query(f"SELECT COUNT() FROM Lead WHERE Company = '{company}'").total_size


async def test_results_may_be_left_out(given, data):
    """Then there is no file of them, and the counts tell all the same."""
    status, output, _ = await bulk(*given, "--results", "none", "-o", "json")

    assert (1, 1, None) == (status, json.loads(output)["failed"], json.loads(output)["failures"])
    assert {data.name, "leads.csv.load"} == {path.name for path in data.parent.iterdir()}


async def test_what_a_load_is_cannot_change(given, data):
    """Options that its file has are refused by name where it is gone on with."""
    await bulk(*given)
    note = data.with_name("leads.csv.load")

    status, _, errors = await bulk("load", data, "--resume", note, "--map", "a=B", "--operation", "insert")

    assert 2 == status
    assert "goes on with the load that" in errors
    assert "leave the data, --operation, --map out" in errors


async def test_a_standard_input_that_is_closed(given, data):
    """The refusal says what is wanted, and nothing is left behind."""
    command = [sys.executable, "-m", "service", "bulk", "load", "-", *map(str, given[2:])]
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'exec "$@" <&-', "sh", *command), stdout=PIPE, stderr=PIPE, cwd=data.parent
    )
    output, errors = await process.communicate()

    assert (2, b"") == (process.returncode, output)
    assert "sluicegate: the standard input is closed; give it the data" in errors.decode()
    assert [data] == list(data.parent.iterdir())
