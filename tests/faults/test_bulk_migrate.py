"""`sluicegate bulk migrate` of three files while replicas and the command itself are killed."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import pytest

from service.emulator.server import Emulator, EmulatorConfig
from service.settings import LoadSettings
from tests.support.loading import load_replica
from tests.support.ports import lasting_port
from tests.support.stage import org_settings

ACCOUNTS, CHILDREN = 600, 1_800
PART_ROWS = 100


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three files in a folder; accounts refer to accounts, opportunities and contacts to accounts."""
    accounts = [f"A-{number},Acme,{f'A-{ACCOUNTS - number}' if number else ''}\n" for number in range(ACCOUNTS)]
    contacts = [f"C-{number},Curie,A-{number % ACCOUNTS}\n" for number in range(CHILDREN)]
    deals = [f"Deal {number},New,2026-12-31,A-{number % ACCOUNTS}\n" for number in range(CHILDREN)]
    for name, header, lines in (
        ("accounts.csv", "Ext__c,Name,Parent.Ext__c", accounts),
        ("contacts.csv", "Ext__c,LastName,Account.Ext__c", contacts),
        ("deals.csv", "Name,StageName,CloseDate,Account.Ext__c", deals),
    ):
        (tmp_path / name).write_text("".join([f"{header}\n", *lines]), encoding="utf-8")
    return tmp_path


async def begin(*arguments: object) -> Process:
    """Begin or go on with a run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "bulk", "migrate", "-o", "json", *map(str, arguments)),
        env=environment,
        stdout=PIPE,
        stderr=DEVNULL,
    )


async def test_a_run_outlives_its_service_and_its_command(files: Path, keys: Path):
    """Killed in each of its loads, given in the wrong order: every row is there once, and refers to what it should."""
    port = lasting_port()
    named = ("deals.csv:Opportunity", "contacts.csv:Contact:Ext__c", "accounts.csv:Account:Ext__c")
    given = (*(files / name for name in named), "--target", f"127.0.0.1:{port}")
    async with Emulator(EmulatorConfig(directory=keys)) as emulator:
        org = emulator.org
        prod = org_settings(emulator, keys, loads=LoadSettings(part_rows=PART_ROWS))

        def count(soql: str) -> int:
            return int(org.query(f"SELECT COUNT() FROM {soql}").total_size)

        async def until(soql: str, rows: int, command: Process) -> None:
            async with asyncio.timeout(120):
                while count(soql) < rows and command.returncode is None:  # noqa: ASYNC110 - another process fills it
                    await asyncio.sleep(0.02)
            assert command.returncode is None

        async with load_replica(prod, files, port=port) as replica:
            command = await begin(*given)
            await until("Account", 200, command)
            await replica.kill()
        async with load_replica(prod, files, port=port) as replica:
            await until("Contact", 300, command)
            command.kill()
            await command.wait()
            command = await begin("--resume", files / "deals.csv.run")
            await until("Opportunity", 200, command)
            command.kill()
            await command.wait()
            command = await begin("--resume", files / "deals.csv.run")
            await until("Opportunity", 900, command)
            await replica.kill()
        async with load_replica(prod, files, port=port):
            await until("Account WHERE ParentId != null", 100, command)
            command.kill()
            await command.wait()
            command = await begin("--resume", files / "deals.csv.run")
            output, _ = await command.communicate()

        told = json.loads(output)
        assert (0, True) == (command.returncode, told["is_finished"])
        expected = [ACCOUNTS, CHILDREN, CHILDREN, ACCOUNTS - 1]
        assert sorted(expected) == sorted(step["counts"]["received"] for step in told["steps"])
        assert (ACCOUNTS, CHILDREN, CHILDREN) == (count("Account"), count("Contact"), count("Opportunity"))
        names = org.query("SELECT COUNT_DISTINCT(Name) n FROM Opportunity").rows
        assert [CHILDREN] == [row["n"] for row in names]
        assert 0 == count("Contact WHERE AccountId = null") + count("Opportunity WHERE AccountId = null")
        found = org.query("SELECT Ext__c, Parent.Ext__c FROM Account WHERE ParentId != null").rows
        pairs = {(row["Ext__c"], row["Parent"]["Ext__c"]) for row in found}
        assert {(f"A-{number}", f"A-{ACCOUNTS - number}") for number in range(1, ACCOUNTS)} == pairs
