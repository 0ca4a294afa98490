"""A headless Chromium that follows a link as a phone's or a computer's browser would, without its scripts.

It is driven by its own DevTools protocol. It reaches the address it is given and nothing else: requests for any other
host are answered here, and noted.
"""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

SECONDS = 60
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
)
COMPUTER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)

_FOLDER = Path(__file__).parent / "chromium"
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
    # No name leads anywhere, so that nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def is_here() -> bool:
    """Tell whether there is a browser: the one that `make test` installs, or this machine's own."""
    return _is_installed() or _of_this_machine() is not None


def _is_installed() -> bool:
    is_for_us = (sys.platform, platform.machine()) == ("linux", "x86_64")
    return is_for_us and (_FOLDER / "node_modules").is_dir() and shutil.which("node") is not None


def _of_this_machine() -> str | None:
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


async def _program() -> tuple[str, dict[str, str]]:
    """Return the browser and the variables that it needs; that of the lock first, which is the same everywhere."""
    if not _is_installed():
        found = _of_this_machine()
        assert found is not None, "no browser is here; `make test` installs one on Linux for x86-64"
        return found, {}
    # By the lock's digest: another version is another browser.
    digest = hashlib.sha256((_FOLDER / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = _FOLDER / "node_modules" / f".unpacked-{digest}"
    if not folder.is_dir():
        await _unpack(folder)
    return str(folder / "chromium"), {
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }


async def _unpack(folder: Path) -> None:
    """Unpack the browser, and put it in its place at once: others may do the same meanwhile."""
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as draft:
        node = await asyncio.create_subprocess_exec("node", _FOLDER / "unpack.js", draft)
        async with asyncio.timeout(SECONDS):
            assert 0 == await node.wait()
        _put(Path(draft), folder)


def _put(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


@dataclass(slots=True)
class Visit:
    """What became of following a link."""

    went_to: list[str] = field(default_factory=list)
    """Every address that the browser asked for, in order."""
    complaints: list[str] = field(default_factory=list)
    """What the browser wrote to its console, refusals by the page's policy among it."""
    status: int = 0
    """Of the answer that was shown."""
    text: str = ""
    """What a person reads on the page."""
    targets: list[str] = field(default_factory=list)
    """Where the page's links lead."""
    style: dict[str, str] = field(default_factory=dict)
    """What the browser makes of the page's style."""
    picture: bytes = b""
    """The page as PNG."""


class Browser:
    """A browser, for one visit at a time.

    Args:
        socket: The connection to it.

    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._visit = Visit()
        self._here = ""
        self._loaded = asyncio.Event()
        self._session = ""
        self._tasks: asyncio.TaskGroup

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Read what the browser says until it is gone.

        Args:
            tasks: Runs what answers it.

        """
        self._tasks = tasks
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                break
            told = message.json()
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    async def follow(self, address: str, user_agent: str, *, width: int = 390) -> Visit:
        """Follow a link in a new page without scripts.

        Args:
            address: `http://127.0.0.1:…`.
            user_agent: What the browser calls itself.
            width: Of the window, in pixels.

        """
        self._visit, self._here, self._loaded = Visit(), address.partition("/l")[0], asyncio.Event()
        target = (await self._ask("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for method in ("Page.enable", "Network.enable", "Log.enable", "DOM.enable", "CSS.enable"):
            await self._ask(method)
        await self._ask("Network.setUserAgentOverride", userAgent=user_agent)
        await self._ask("Emulation.setScriptExecutionDisabled", value=True)
        await self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        await self._ask("Fetch.enable", patterns=[{"urlPattern": "*"}])
        async with asyncio.timeout(SECONDS):
            await self._ask("Page.navigate", url=address)
            await self._loaded.wait()
        await self._read()
        await self._ask("Target.closeTarget", targetId=target)
        return self._visit

    async def _read(self) -> None:
        root = (await self._ask("DOM.getDocument", depth=0))["root"]["nodeId"]
        body = (await self._ask("DOM.querySelector", nodeId=root, selector="body"))["nodeId"]
        nodes = (await self._ask("DOM.querySelectorAll", nodeId=body, selector="a"))["nodeIds"]
        for node in nodes:
            flat = (await self._ask("DOM.getAttributes", nodeId=node))["attributes"]
            self._visit.targets.append(dict(zip(flat[::2], flat[1::2], strict=True))["href"])
        self._visit.text = (await self._ask("DOM.getOuterHTML", nodeId=body))["outerHTML"]
        style = (await self._ask("CSS.getComputedStyleForNode", nodeId=body))["computedStyle"]
        self._visit.style = {each["name"]: each["value"] for each in style}
        self._visit.picture = base64.b64decode((await self._ask("Page.captureScreenshot"))["data"])

    async def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session and not method.startswith("Target."):
            message["sessionId"] = self._session
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        async with asyncio.timeout(SECONDS):
            answer = await waiting
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        match method:
            case "Fetch.requestPaused":
                self._tasks.create_task(self._pass(parameters["requestId"], parameters["request"]["url"]))
            case "Network.responseReceived" if parameters["type"] == "Document":
                self._visit.status = parameters["response"]["status"]
            case "Log.entryAdded":
                self._visit.complaints.append(parameters["entry"]["text"])
            case "Page.loadEventFired":
                self._loaded.set()

    async def _pass(self, request: str, address: str) -> None:
        """Let a request through to the server under test, and answer any other host's in its place."""
        if address.endswith("/favicon.ico"):
            await self._ask("Fetch.failRequest", requestId=request, errorReason="Aborted")
            return
        self._visit.went_to.append(address)
        if address.startswith(self._here):
            await self._ask("Fetch.continueRequest", requestId=request)
        else:
            await self._ask("Fetch.fulfillRequest", requestId=request, responseCode=200, body="")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a browser."""
    program, variables = await _program()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            env={**os.environ, **variables},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        try:
            async with ClientSession() as http, asyncio.TaskGroup() as tasks:
                async with http.ws_connect(await _address(process.stderr), max_msg_size=0) as socket:
                    # What it goes on to say nobody wants to know, but a full pipe would stop it.
                    draining = tasks.create_task(process.stderr.read())
                    running = Browser(socket)
                    tasks.create_task(running.run(tasks))
                    yield running
                draining.cancel()
        finally:
            # With the processes that it has started, which hold its pipe open.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _address(lines: asyncio.StreamReader) -> str:
    """Return where the browser listens, which it tells when it is up."""
    async with asyncio.timeout(SECONDS):
        async for line in lines:
            _, mark, address = line.decode(errors="replace").partition("DevTools listening on ")
            if mark:
                return address.strip()
    raise AssertionError("the browser did not start")
