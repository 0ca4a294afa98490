"""An org in a process of its own that keeps its address, its rows and its login when it is killed and started again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.emulator.config import EmulatorConfig, Login
from service.emulator.server import Emulator
from service.settings import JwtBearerAuth, OrgSettings
from tests.support.ports import lasting_port

_CLIENT_ID = "3MVG9lasting"
_USERNAME = "admin@lasting.example"


class LastingOrg:
    """The org.

    Args:
        keys: The folder of its keys.
        rows: The file of its rows.

    """

    def __init__(self, keys: Path, rows: Path) -> None:
        self._keys = keys
        self._rows = rows
        self._port = lasting_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it, always at the same place; return when it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(self._keys), str(self._rows), str(self._port)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.url = json.loads(await self._process.stdout.readline())["url"]

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    def settings(self, **overrides: Any) -> OrgSettings:
        """Return settings that log in to it."""
        auth = JwtBearerAuth(
            flow="jwt_bearer",
            client_id=_CLIENT_ID,
            username=_USERNAME,
            private_key_file=next(self._keys.glob("*-key.pem")),
        )
        return OrgSettings(login_url=self.url, auth=auth, **overrides)


@asynccontextmanager
async def lasting_org(keys: Path, rows: Path) -> AsyncIterator[LastingOrg]:
    """Run an org; for the arguments see `LastingOrg`."""
    org = LastingOrg(keys, rows)
    await org.start()
    try:
        yield org
    finally:
        await org.kill()


async def _serve(keys: Path, rows: str, port: int) -> None:
    login = Login(username=_USERNAME, client_id=_CLIENT_ID)
    config = EmulatorConfig(port=port, database=rows, directory=keys, login=login)
    async with Emulator(config) as emulator:
        sys.stdout.write(json.dumps({"url": emulator.url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
