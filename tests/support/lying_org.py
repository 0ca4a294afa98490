"""A service over an org that answers what a test scripts, be it true or not, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from grpc import aio
from opentelemetry.sdk.trace.export import SpanExporter
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.app import App
from service.settings import ClientCredentialsAuth, GrpcSettings, OrgSettings
from tests.load.lead import BASE, description
from tests.support.rich_status import Failure, failure
from tests.support.service import free_ports

JOB_ID = "750000000000001AAA"

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LyingOrg:
    """Logs everyone in, describes Lead, and leaves all other answers to the test.

    Attributes:
        asked: What it was asked, but for logins and descriptions: the method and the path below the API version.
        left: How many requests their sender gave up before the answer.
        answer: Answers everything else.

    """

    def __init__(self, answer: Answering) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.left = 0
        self.answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        path = request.path_qs.removeprefix(BASE)
        if path == "/services/oauth2/token":
            return web.json_response({"access_token": "00D!lies", "instance_url": self.url})
        if path == "/sobjects/Lead/describe":
            return web.Response(body=description(), content_type="application/json")
        if path.startswith("/limits"):
            return told("NOT_FOUND", 404)
        self.asked.append(f"{request.method} {path}")
        try:
            return await self.answer(request)
        except asyncio.CancelledError:
            self.left += 1
            raise


def told(code: str, status: int = 400) -> web.Response:
    """Return a refusal as Salesforce words it."""
    return web.json_response([{"errorCode": code, "message": "no"}], status=status)


def page(rows: list[dict[str, Any]], **facts: Any) -> dict[str, Any]:
    """Return a page of a result; it is the last one unless it names a next one."""
    return {"totalSize": len(rows), "done": "nextRecordsUrl" not in facts, "records": rows, **facts}


def named(*names: Any) -> list[dict[str, Any]]:
    """Return rows of a query for LastName, with the Id that orders them."""
    return [
        {"attributes": {"type": "Lead"}, "LastName": name, "Id": f"00Q{number:012d}AAA"}
        for number, name in enumerate(names)
    ]


def always(document: Any) -> Answering:
    """Answer everything with the same JSON."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(document)

    return answer


def job(rows: int, parts: dict[str, tuple[bytes, dict[str, str]]]) -> Answering:
    """Answer as an org with one query job that is complete.

    Args:
        rows: How many rows the job says it has.
        parts: The body and the headers of each part, by locator.

    """

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/results"):
            body, headers = parts[request.query.get("locator", "")]
            return web.Response(body=body, headers={"Content-Type": "text/csv", **headers})
        if request.path.endswith("/resultPages"):
            return told("NOT_FOUND", 404)
        if request.method == "DELETE":
            return web.Response(status=204)
        state = "UploadComplete" if request.method == "POST" else "JobComplete"
        return web.json_response({"id": JOB_ID, "state": state, "numberRecordsProcessed": rows})

    return answer


def part(rows: int, following: str = "null") -> dict[str, str]:
    """Return the headers of a part of a bulk result."""
    return {"Sforce-NumberOfRecords": str(rows), "Sforce-Locator": following}


@asynccontextmanager
async def lying(
    answer: Answering, folder: Path, *, span_exporter: SpanExporter | None = None, **settings: Any
) -> AsyncIterator[tuple[LyingOrg, aio.Channel]]:
    """Run such an org and a service on it.

    Args:
        answer: What it answers.
        folder: Where the secret is left.
        span_exporter: Where the service's spans go.
        settings: Of the org, as `OrgSettings` has them.

    """
    org = LyingOrg(answer)
    application = web.Application(client_max_size=2**20)
    application.router.add_route("*", "/{path:.*}", org.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        org.url = f"http://{host}:{port}"
        secret = folder / "lying.secret"
        secret.write_text(json.dumps("secret"), encoding="utf-8")
        auth = ClientCredentialsAuth(flow="client_credentials", client_id="lies", client_secret_file=secret)
        orgs = {"prod": OrgSettings(login_url=org.url, auth=auth, **settings)}
        service = free_ports(orgs=orgs, grpc=GrpcSettings(port=0, drain_seconds=0))
        app = await stack.enter_async_context(App(service, span_exporter=span_exporter))
        assert app.addresses is not None
        options = [("grpc.max_receive_message_length", -1)]
        channel = await stack.enter_async_context(aio.insecure_channel(app.addresses.grpc, options=options))
        yield org, channel


async def read(
    channel: aio.Channel, soql: str = "SELECT LastName FROM Lead", *, seconds: float = 60.0, **request: Any
) -> tuple[list[QueryResponse], Failure | None]:
    """Run a query; return what came of it, and how it failed if it did."""
    seen: list[QueryResponse] = []
    try:
        async for response in QueryServiceStub(channel).Query(QueryRequest(soql=soql, **request), timeout=seconds):
            seen.append(response)  # noqa: PERF401 - what came before a fault counts
    except aio.AioRpcError as error:
        return seen, failure(error)
    return seen, None
