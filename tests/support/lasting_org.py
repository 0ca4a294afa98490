"""An org in a process of its own that keeps its address, its rows and its login when it is killed and started again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.emulator.config import EmulatorConfig, Login
from service.emulator.server import Emulator
from service.settings import JwtBearerAuth, OrgSettings

_CLIENT_ID = "3MVG9lasting"
_USERNAME = "admin@lasting.example"


class LastingOrg:
    """The org.

    Args:
        folder: Where its keys and its rows are.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it where it was, or anywhere the first time; return when it listens."""
        port = urlsplit(self.url).port or 0
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(self._folder), str(port)), stdout=asyncio.subprocess.PIPE
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
            private_key_file=next(self._folder.glob("*key*.pem")),
        )
        return OrgSettings(login_url=self.url, auth=auth, **overrides)


@asynccontextmanager
async def lasting_org(folder: Path) -> AsyncIterator[LastingOrg]:
    """Run an org whose files are in a folder."""
    org = LastingOrg(folder)
    await org.start()
    try:
        yield org
    finally:
        await org.kill()


async def _serve(folder: Path, port: int) -> None:
    login = Login(username=_USERNAME, client_id=_CLIENT_ID)
    config = EmulatorConfig(port=port, database=str(folder / "rows.db"), directory=folder, login=login)
    async with Emulator(config) as emulator:
        sys.stdout.write(json.dumps({"url": emulator.url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
