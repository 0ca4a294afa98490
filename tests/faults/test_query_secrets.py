"""What a query asks for is the caller's business: it stands in no log, no span and no token, whatever becomes of it."""

import base64
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_BULK, QUERY_ROUTE_REST

from tests.load.lead import BASE
from tests.support.lying_org import JOB_ID, lying, named, page, read, told

SECRET = "hunter2"
SOQL = f"SELECT LastName FROM Lead WHERE Company = '{SECRET}' AND Country = :country"
FAILED = {"id": JOB_ID, "state": "Failed", "errorMessage": f"no such {SECRET}"}
LATER = f"{BASE}/query/01gA-1"


def refused(code: str, status: int = 400) -> web.Response:
    """Return a refusal that repeats what it refuses, as Salesforce does."""
    return web.json_response([{"errorCode": code, "message": f"ERROR at '{SECRET}'"}], status=status)


def _copy(answer: web.Response) -> web.Response:
    """Return an answer that can be sent: each is sent once."""
    return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)


@pytest.mark.parametrize(
    ("first", "later", "soql"),
    [
        (web.json_response, None, SOQL),
        (refused("MALFORMED_QUERY"), None, SOQL),
        (refused("UNKNOWN_EXCEPTION", 500), None, SOQL),
        (refused("NO_SUCH_CODE"), None, SOQL),
        (web.Response(text=SECRET, status=503), None, SOQL),
        (web.Response(text=f'["{SECRET}"]'), None, SOQL),
        (web.json_response(page([{"LastName": {SECRET: SECRET}}])), None, SOQL),
        (web.json_response(page(named("a"), totalSize=2, nextRecordsUrl=f"{BASE}/{SECRET}")), None, SOQL),
        (web.json_response(page(named("a"), totalSize=2, nextRecordsUrl=LATER)), told("INVALID_QUERY_LOCATOR"), SOQL),
        (web.json_response(page(named("a"), totalSize=2, nextRecordsUrl=LATER)), refused("X", 500), SOQL),
        (web.json_response(page(named("a"))), None, SOQL),
        (web.json_response(page(named("a"))), None, SOQL.replace("FROM", "FORM")),
        (web.json_response(page(named("a"))), None, SOQL.replace("LastName", "NoName")),
        (web.json_response(page(named("a"))), None, SOQL.replace(":country", f"{SECRET!r} {SECRET!r}")),
    ],
)
@pytest.mark.parametrize("route", [QUERY_ROUTE_REST, QUERY_ROUTE_BULK])
async def test_what_is_asked_for_is_told_nobody_else(tmp_path, capsys, caplog, first: Any, later, soql, route):
    """Its literals and parameters are in neither logs nor spans, and in no token where the rows do not hold them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "/jobs/query" in request.path:
            return web.json_response(FAILED) if callable(first) else _copy(first)
        if request.path == LATER:
            return _copy(later)
        return web.json_response(page(named("a"))) if callable(first) else _copy(first)

    spans = InMemorySpanExporter()
    parameters = {"country": FieldValue(string_value=SECRET)} if ":country" in soql else {}
    async with lying(answer, tmp_path, span_exporter=spans) as (_, channel):
        seen, _ = await read(channel, soql, route=route, parameters=parameters)

    assert SECRET not in "".join([*capsys.readouterr(), caplog.text])
    assert [] == [span.name for span in spans.get_finished_spans() if SECRET in span.to_json()]
    assert spans.get_finished_spans()
    for response in seen:
        _, _, payload, _ = response.resume_token.split(".")
        assert SECRET not in base64.urlsafe_b64decode(payload + "==").decode()
