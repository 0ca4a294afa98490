"""`sluicegate limits` against a running service."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process

import pytest


async def limits(*arguments: str) -> Process:
    """Begin the command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "limits", *arguments), env=environment, stdout=PIPE, stderr=PIPE
    )


async def test_a_table_for_a_person(app):
    """The org and each class stand in it, and the command ends well."""
    process = await limits("--target", app.addresses.grpc)
    output, errors = await process.communicate()

    assert (0, b"") == (process.returncode, errors)
    assert all(word in output.decode() for word in ("Limits of emulator", "interactive", "standard", "batch"))


async def test_an_object_for_a_program(app):
    """It is what the contract says, and asking Salesforce is the reader's choice."""
    known = await limits("--target", app.addresses.grpc, "-o", "json")
    asked = await limits("--target", app.addresses.grpc, "-o", "json", "--ask-salesforce")
    outputs = [json.loads((await process.communicate())[0]) for process in (known, asked)]

    assert ["emulator", "emulator"] == [output["org"] for output in outputs]
    assert "governor" in outputs[0]
    assert [False, True] == ["limits" in output for output in outputs]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("output", ["json", "table"])
async def test_a_watch_goes_on_until_someone_has_seen_enough(app, number, output):
    """One look follows the other, and a signal is no failure."""
    mark = b'{"org": "emulator"' if output == "json" else b"Limits of emulator"
    process = await limits("--target", app.addresses.grpc, "-o", output, "--watch", "--interval", "1")
    assert process.stdout is not None
    looks = 0

    async with asyncio.timeout(60):
        while looks < 2:
            looks += (await process.stdout.readline()).startswith(mark)
    process.send_signal(number)
    _, errors = await process.communicate()

    assert (0, b"") == (process.returncode, errors)


@pytest.mark.parametrize("arguments", [(), ("-o", "json"), ("--watch",), ("--watch", "-o", "json")])
async def test_a_failure_is_explained(app, arguments):
    """The reason stands in JSON on standard error, and the status is that of a failed call."""
    process = await limits("--target", app.addresses.grpc, "--org", "prd", *arguments)
    output, errors = await process.communicate()

    assert (1, b"") == (process.returncode, output)
    assert json.loads(errors)["reason"] == "UNKNOWN_ORG"
