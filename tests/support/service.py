"""Settings of a service that runs inside a test, and an org that runs beside it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.settings import (
    AdminSettings,
    EmulatorSettings,
    GrpcSettings,
    JwtBearerAuth,
    LinkServerSettings,
    OrgSettings,
    Settings,
)
from tests.support.forked import ForkedProcess, forked


def free_ports(**overrides: Any) -> Settings:
    """Return settings that listen on free ports of this machine."""
    values: dict[str, Any] = {
        "grpc": GrpcSettings(port=0, drain_seconds=0.5),
        "admin": AdminSettings(port=0),
        # Tests ask from one address, and some of them as often as they can.
        "link_server": LinkServerSettings(port=0, requests_per_second=0),
        "emulator": EmulatorSettings(port=0),
        **overrides,
    }
    return Settings(**values)


class OrgProcess:
    """An emulated org in a process of its own.

    Args:
        process: The process.
        facts: What it printed: where it is and how to log in.

    """

    def __init__(self, process: ForkedProcess, facts: dict[str, str]) -> None:
        self._process = process
        self.facts = facts

    async def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def org_process(*options: str) -> AsyncIterator[OrgProcess]:
    """Run `sluicegate emulate` on a free port."""
    async with forked("emulate", "--json", "--port", "0", *options) as process:
        assert process.stdout is not None
        yield OrgProcess(process, json.loads(await process.stdout.readline()))


def jwt_bearer(org: OrgProcess, **overrides: Any) -> OrgSettings:
    """Return settings that log in with the key."""
    auth = JwtBearerAuth(
        flow="jwt_bearer",
        client_id=org.facts["client_id"],
        username=overrides.pop("username", org.facts["username"]),
        private_key_file=Path(org.facts["private_key_file"]),
    )
    return OrgSettings(login_url=org.facts["login_url"], auth=auth, **overrides)
