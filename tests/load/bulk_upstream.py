"""A process that takes bulk loads like Salesforce at next to no cost: data is counted and dropped.

Jobs are over at once. It takes data at the rate that `--bytes-per-second` says, all connections together, or
`POST /rate?bytes=…` from then on; 0 takes it as it comes. Job
ids hold their number, so that nothing of a job is remembered but how many rows it has.
"""

import argparse
import asyncio
import json
import time
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.load.lead import BASE, description

_JOBS = f"{BASE}/jobs/ingest"
_AHEAD_SECONDS = 0.02
"""How much may come at a time before its time has come."""


class Bulk:
    """The jobs, and the pace at which their data is taken.

    Args:
        bytes_per_second: The pace; 0 for any.

    """

    def __init__(self, bytes_per_second: float) -> None:
        self.url = ""
        self.bytes_per_second = bytes_per_second
        self._free_at = 0.0
        self._rows: list[int] = []
        self._states: list[str] = []
        self._description = description()

    def seconds_for(self, size: int) -> float:
        """Return in how many seconds so many more bytes may have come."""
        if not self.bytes_per_second:
            return 0.0
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + size / self.bytes_per_second
        return max(0.0, self._free_at - now - _AHEAD_SECONDS)

    def answer(self, method: str, target: str, body: bytes, lines: int) -> tuple[str, bytes]:
        """Return the status and the body of an answer."""
        parts = urlsplit(target)
        if parts.path == "/services/oauth2/token":
            return "200 OK", json.dumps({"access_token": "00D!load", "instance_url": self.url}).encode()
        if parts.path == "/rate":
            self.bytes_per_second, self._free_at = float(parse_qs(parts.query)["bytes"][0]), 0.0
            return "200 OK", b"{}"
        if parts.path == f"{BASE}/limits":
            return "200 OK", b'{"DailyBulkApiBatches":{"Max":15000,"Remaining":15000}}'
        if parts.path == f"{BASE}/sobjects/Lead/describe":
            return "200 OK", self._description
        if parts.path.rstrip("/") == _JOBS and method == "POST":
            self._rows.append(0)
            self._states.append("Open")
            return "200 OK", self._job(len(self._rows) - 1)
        if parts.path.startswith(_JOBS):
            return self._of_job(method, parts.path.removeprefix(f"{_JOBS}/"), body, lines)
        return "404 Not Found", b'[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'

    def _of_job(self, method: str, path: str, body: bytes, lines: int) -> tuple[str, bytes]:
        job_id, _, what = path.partition("/")
        number = int(job_id[3:15])
        if method == "PUT":
            self._rows[number] = lines - 1
            return "201 Created", b""
        if what:
            return "200 OK", b'"sf__Id","sf__Created"\n'
        if method == "PATCH":
            wanted = json.loads(body)["state"]
            self._states[number] = "JobComplete" if wanted == "UploadComplete" else wanted
        return "200 OK", self._job(number)

    def _job(self, number: int) -> bytes:
        state = self._states[number]
        job = {
            "id": f"750{number:012d}AAA",
            "state": state,
            "object": "Lead",
            "operation": "insert",
            "numberRecordsProcessed": self._rows[number] if state == "JobComplete" else 0,
            "numberRecordsFailed": 0,
        }
        return json.dumps(job).encode()


class Connection(asyncio.Protocol):
    """One connection; a body is read as it comes, and kept only where it is small.

    Args:
        bulk: The jobs.

    """

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._request: tuple[str, str] | None = None
        self._body = bytearray()
        self._lines = self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent

    def connection_lost(self, error: Exception | None) -> None:
        """Answer no more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what came: a head, and the body as long as its Content-Length says."""
        if self._request is None:
            head, found, data = (self._head + data).partition(b"\r\n\r\n")
            if not found:
                self._head = head
                return
            self._begin(head)
        self._missing -= len(data)
        if self._is_upload:
            self._lines += data.count(b"\n")
            self._slow_down(len(data))
        else:
            self._body += data
        if self._missing <= 0:
            self._end()

    @property
    def _is_upload(self) -> bool:
        return self._request is not None and self._request[0] == "PUT"

    def _begin(self, head: bytes) -> None:
        lines = head.decode("ascii").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self._request, self._missing = (method, target), int(fields.get("content-length", 0))
        self._head, self._lines = b"", 0
        self._body.clear()

    def _slow_down(self, size: int) -> None:
        seconds = self._bulk.seconds_for(size)
        if seconds and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def _end(self) -> None:
        assert self._request is not None
        status, body = self._bulk.answer(*self._request, bytes(self._body), self._lines)
        self._request = None
        if self._transport is not None:
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
            self._transport.write(head.encode() + body)


async def serve(bytes_per_second: float) -> None:
    """Serve on a free port until the process is ended; print the address first."""
    bulk = Bulk(bytes_per_second)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(bulk), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    bulk.url = f"http://{host}:{port}"
    print(json.dumps({"url": bulk.url}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bytes-per-second", type=float, default=0.0, help="the pace; 0 for any")
    uvloop.run(serve(arguments.parse_args().bytes_per_second))
