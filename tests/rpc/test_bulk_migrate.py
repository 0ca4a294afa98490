"""`sluicegate bulk migrate` and `BulkService/PlanBulkLoads` against a running service."""

import asyncio
import csv
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import grpc
import pytest
from sluicegate.v1.bulk_load_pb2 import BULK_OPERATION_DELETE, BULK_OPERATION_UPSERT, BulkOperation
from sluicegate.v1.bulk_plan_pb2 import BULK_PASS_FIRST, BULK_PASS_SECOND, BulkLoadDraft
from sluicegate.v1.bulk_service_pb2 import PlanBulkLoadsRequest
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub

from service.emulator.effects import Delay
from tests.support.forked import forked


def upsert(sobject: str, *columns: str, operation: BulkOperation.ValueType = BULK_OPERATION_UPSERT) -> BulkLoadDraft:
    """Return a draft."""
    return BulkLoadDraft(
        object=sobject,
        operation=operation,
        external_id_field="Ext__c" if operation == BULK_OPERATION_UPSERT else "",
        columns=["Ext__c", *columns],
    )


async def test_loads_are_planned(channel):
    """Parents come first, and what refers to its own load gets a second pass."""
    request = PlanBulkLoadsRequest(
        loads=[upsert("Contact", "LastName", "Account.Ext__c"), upsert("Account", "Name", "Parent.Ext__c")]
    )

    response = await BulkServiceStub(channel).PlanBulkLoads(request)

    assert [
        (1, BULK_PASS_FIRST, ["Ext__c", "Name"]),
        (0, BULK_PASS_FIRST, ["Ext__c", "LastName", "Account.Ext__c"]),
        (1, BULK_PASS_SECOND, ["Ext__c", "Parent.Ext__c"]),
    ] == [(step.load, step.bulk_pass, list(step.columns)) for step in response.steps]
    (reference,) = response.steps[1].references
    assert ("AccountId", ["Account"], [1]) == (
        reference.field,
        list(reference.parent_objects),
        list(reference.parent_loads),
    )


@pytest.mark.parametrize(
    ("drafts", "words"),
    [
        ([upsert("Contact", "Emial")], "did you mean 'Email'?"),
        ([upsert("Contact", operation=BULK_OPERATION_DELETE)], "operation must be"),
    ],
)
async def test_what_cannot_be_planned_is_refused(channel, drafts, words):
    """As a fault of the caller's."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await BulkServiceStub(channel).PlanBulkLoads(PlanBulkLoadsRequest(loads=drafts))

    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    assert words in (caught.value.details() or "")


async def begin(*arguments: object) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "bulk", "migrate", *map(str, arguments)),
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
    )


async def migrate(*arguments: object) -> tuple[int | None, str, str]:
    """Run the command, and return its status, its output and what it said beside it."""
    async with forked("bulk", "migrate", *map(str, arguments), stderr=PIPE) as process:
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


class Files:
    """Three files that refer to each other; accounts also to accounts, and the second of them has no name."""

    def __init__(self, folder: Path, name: str, target: str) -> None:
        self.folder = folder
        self.name = name
        self.accounts = self._write("accounts.csv", "Ext__c,Name,Parent.Ext__c", self._account)
        self.contacts = self._write("contacts.csv", "Ext__c,LastName,Account.Ext__c", self._contact)
        self.cases = self._write("cases.csv", "Subject,Contact.Ext__c,Account.Ext__c", self._case)
        self.given = (
            f"{self.cases}:Case",
            f"{self.contacts}:Contact:Ext__c",
            f"{self.accounts}:Account:Ext__c",
            *("--target", target),
        )

    def _write(self, file: str, header: str, line) -> Path:
        path = self.folder / file
        path.write_text("\n".join([header, *map(line, range(6))]) + "\n", encoding="utf-8")
        return path

    def _account(self, number: int) -> str:
        parent = f"{self.name}-{number - 1 if number == 2 else number + 1}" if number < 5 else ""
        return f"{self.name}-{number},{'' if number == 1 else self.name},{parent}"

    def _contact(self, number: int) -> str:
        return f"{self.name}-C{number},{self.name},{self.name}-{number % 3}"

    def _case(self, number: int) -> str:
        return f"{self.name},{self.name}-C{number},{self.name}-0"

    def failed(self, path: Path) -> list[dict[str, str]]:
        """Return the failures of a file."""
        with path.with_name(f"{path.name}.failed.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def files(app, tmp_path: Path, unique) -> Files:
    """Files whose rows are like no others."""
    assert app.addresses is not None
    return Files(tmp_path, unique("Migrated"), app.addresses.grpc)


async def test_a_dry_run_writes_nothing(files):
    """The order and its reasons are printed, and no file is left."""
    status, output, errors = await migrate(*files.given, "--dry-run")

    assert (0, "") == (status, errors)
    lines = output.splitlines()
    assert "3 files, 4 loads, in this order:" == lines[0]
    assert [
        "  1. accounts.csv → Account: upsert by Ext__c",
        "  2. contacts.csv → Contact: upsert by Ext__c",
        "  3. cases.csv → Case: insert",
        "  4. accounts.csv → Account, second pass: upsert by Ext__c",
    ] == [line for line in lines if line[:3].strip()][1:]
    assert "       Account.Ext__c finds rows of accounts.csv by Ext__c" in lines
    assert 3 == len(list(files.folder.iterdir()))


async def test_files_in_any_order_are_loaded(files, org):
    """Parents first; references within a file afterwards; what failed for want of a parent says whose."""
    status, output, errors = await migrate(*files.given)

    assert 1 == status, errors
    told = [line for line in output.splitlines() if line[:2] in {"1/", "2/", "3/", "4/"}]
    assert ["5 created, 1 failed", "4 created, 2 failed, 2 of them because their parents did"] == [
        line.split("rows: ")[1].rpartition(", ")[0] for line in told[:2]
    ]
    assert "4 rows: 2 updated, 2 failed, 2 of them because their parents did" in told[3]
    names = org.query(f"SELECT Ext__c, Parent.Ext__c FROM Account WHERE Name = '{files.name}' ORDER BY Ext__c").rows
    parents = {row["Ext__c"]: row["Parent"] and row["Parent"]["Ext__c"] for row in names}
    expected = {0: None, 2: None, 3: 4, 4: 5, 5: None}
    assert {
        f"{files.name}-{number}": parent and f"{files.name}-{parent}" for number, parent in expected.items()
    } == parents
    assert 4 == org.query(f"SELECT COUNT() FROM Contact WHERE LastName = '{files.name}'").total_size
    assert 4 == org.query(f"SELECT COUNT() FROM Case WHERE Subject = '{files.name}'").total_size
    assert ["2"] == [row["sluicegate_row"] for row in files.failed(files.accounts)]
    assert {"2", "5"} == {row["sluicegate_row"] for row in files.failed(files.contacts)}
    why = f"its parent {files.name}-1 was not written (accounts.csv, row 2: REQUIRED_FIELD_MISSING); "
    assert all(row["sluicegate_message"].startswith(why) for row in files.failed(files.contacts))
    again = files.failed(files.accounts.with_name("accounts.csv.references"))
    assert {("1", f"{files.name}-0"), ("3", f"{files.name}-2")} == {
        (row["sluicegate_row"], row["sluicegate_key"]) for row in again
    }
    assert not files.accounts.with_name("accounts.csv.references").exists()


async def test_a_run_that_is_over_tells_how_it_was(files):
    """Going on with it writes nothing, and its file makes room for the next run."""
    await migrate(*files.given)

    status, output, _ = await migrate("--resume", files.folder / "cases.csv.run", "-o", "json")
    again, _, errors = await migrate(*files.given[1:])

    told = json.loads(output)
    assert (1, True, [6, 6, 6]) == (
        status,
        told["is_finished"],
        [step["counts"]["received"] for step in told["steps"][:3]],
    )
    assert 1 == again, errors


async def test_a_run_is_stopped_and_gone_on_with(files, disturbances, org):
    """The command says how, nothing else begins it anew, and every row is there once."""
    rule = disturbances.add(Delay(5), path="/jobs/ingest/|/composite/sobjects/", method="PATCH", skip=1, times=1)
    process = await begin(*files.given)
    async with asyncio.timeout(30):
        while rule.times:  # noqa: ASYNC110 - the emulator counts it down
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    stopped = process.returncode
    refused, _, advice = await migrate(*files.given)
    disturbances.clear()
    kept = files.folder / "cases.csv.run"

    status, output, _ = await migrate("--resume", kept)

    assert (130, 2, 1) == (stopped, refused, status)
    assert f"go on with: sluicegate bulk migrate --resume {kept}\n" in errors.decode()
    assert "keeps a run that is not over" in advice
    lines = output.splitlines()
    assert ["1/4", "2/4", "3/4", "4/4"] == [line[:3] for line in lines]
    assert lines[0].endswith(", before")
    assert 4 == org.query(f"SELECT COUNT() FROM Case WHERE Subject = '{files.name}'").total_size


async def test_a_load_that_was_over_when_its_command_died_is_counted(files, org):
    """What its own file says is enough: nothing of it is written again."""
    await migrate(*files.given)
    kept = files.folder / "cases.csv.run"
    run = json.loads(kept.read_text(encoding="utf-8"))
    counts = [step.pop("counts") for step in run["steps"]]
    kept.write_text(json.dumps({**run, "steps": [{**step, "counts": None} for step in run["steps"]]}), encoding="utf-8")

    status, output, errors = await migrate("--resume", kept, "-o", "json")

    assert 1 == status, errors
    told = [step["counts"] for step in json.loads(output)["steps"]]
    assert counts == told
    assert 4 == org.query(f"SELECT COUNT() FROM Case WHERE Subject = '{files.name}'").total_size


async def test_a_file_without_rows_is_passed_over(files):
    """The files that follow it are loaded."""
    files.contacts.write_text("Ext__c,LastName,Account.Ext__c\n", encoding="utf-8")
    files.cases.write_text("Subject,Account.Ext__c\n", encoding="utf-8")

    status, output, _ = await migrate(*files.given, "-o", "json")

    assert 1 == status
    assert [6, 0, 0, 4] == [step["counts"]["received"] for step in json.loads(output)["steps"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files.contacts.write_text("Ext__c,LastNam\n", encoding="utf-8"), "contacts.csv: Contact has no"),
        (lambda files: files.accounts.write_text("Name\n", encoding="utf-8"), "accounts.csv: the columns lack Ext__c"),
        (lambda files: files.cases.unlink(), "there is no file"),
        (
            lambda files: files.contacts.with_name("contacts.csv.load").write_text("x", encoding="utf-8"),
            "does not tell of a load",
        ),
    ],
)
async def test_what_is_wrong_is_told_by_its_file(files, change, words):
    """Nothing is written, and nothing is left beside the data."""
    change(files)
    before = set(files.folder.iterdir())

    status, _, errors = await migrate(*files.given)

    assert 2 == status
    assert words in errors
    assert before == set(files.folder.iterdir())


async def test_a_plan_file_maps_columns(files, org, app):
    """Its loads are run like those that are named on the command line."""
    files.contacts.write_text(f"No,Name\n{files.name}-C,{files.name}\n", encoding="utf-8")
    plan = files.folder / "plan.toml"
    plan.write_text(
        '[[load]]\nfile = "contacts.csv"\nobject = "Contact"\nexternal_id = "Ext__c"\n'
        'map = { No = "Ext__c", Name = "LastName" }\nconstants = { Title = "Dr." }\n',
        encoding="utf-8",
    )

    status, output, errors = await migrate("--plan", plan, "--target", app.addresses.grpc, "-o", "json")

    assert (0, "") == (status, errors)
    assert 1 == json.loads(output)["steps"][0]["counts"]["created"]
    found = org.query(f"SELECT Title FROM Contact WHERE LastName = '{files.name}'").rows
    assert ["Dr."] == [row["Title"] for row in found]
    assert (files.folder / "plan.toml.run").exists()
