"""A client that shares no code with the emulator, unchanged, over TLS: jsforce."""

import asyncio
import json
import os
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from service.emulator.server import Emulator, EmulatorConfig

FOLDER = Path(__file__).parent / "jsforce"
SECONDS = 90

pytestmark = [
    pytest.mark.skipif(
        "CI" not in os.environ and shutil.which("node") is None, reason="Node.js is not on this machine"
    ),
    pytest.mark.skipif(
        "CI" not in os.environ and not (FOLDER / "node_modules").is_dir(),
        reason="jsforce is not installed; `make test` does it",
    ),
]


async def test_the_scenario():
    """Every part of the scenario passes: logins, rows, queries, bulk jobs, describes, errors and refresh."""
    async with Emulator(EmulatorConfig(tls=True)) as emulator:
        credentials = emulator.credentials
        told = {each.name: str(getattr(credentials, each.name)) for each in fields(credentials)}
        environment = {
            "PATH": os.environ["PATH"],
            "EMULATOR_CREDENTIALS": json.dumps(told),
            "NODE_EXTRA_CA_CERTS": str(credentials.certificate_file),
        }
        node = await asyncio.create_subprocess_exec(
            "node",
            "--test",
            "scenario.test.js",
            cwd=FOLDER,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(node.communicate(), SECONDS)
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()

    assert 0 == node.returncode, output.decode()
