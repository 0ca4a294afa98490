"""Records that no call may carry together."""

import asyncio
import re

from service.context import CallContext
from service.errors import UpstreamUnavailable
from service.salesforce.calls.writes import DEFAULT_OPTIONS, ExternalKey, Operation, Row, Saved, Write
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from tests.support.clock import FakeClock, settle
from tests.support.transport import answer, call


def record_id(number: str) -> str:
    """Return the id of the record with an external id."""
    return f"00Q00000000000{number}AAA"


class Gate:
    """Answers calls for several records at once, and calls for one record when it is let."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.opened = asyncio.Event()

    async def send(self, request: Request, _context: CallContext) -> Response:
        """Answer with the record of the external id."""
        if request.method == "POST":
            result = {"httpStatusCode": 200, "referenceId": "r0", "body": {"id": record_id("1")}}
            return answer(200, {"compositeResponse": [result]})
        number = re.findall(r"/Ext__c/(\d)", request.path)[0]
        self.waiting.append(number)
        await self.opened.wait()
        return answer(200, {"id": record_id(number)})


async def test_records_that_travel_alone_travel_beside_each_other() -> None:
    """Text that looks like a reference costs a call of its own; nobody waits for more than one of these."""
    gate = Gate()
    texts = ["@{r0.id}", "plain", "@{", "x@{"]
    writes = [
        Write(Operation.UPDATE, "Lead", {"Title": text}, key=ExternalKey("Ext__c", str(number)))
        for number, text in enumerate(texts)
    ]
    rows = [Row(write, "Lead", 1) for write in writes]
    client = SalesforceClient(gate, org="prod", api_version="66.0")

    context = call(FakeClock())
    writing = asyncio.ensure_future(client.write_rows(Operation.UPDATE, rows, DEFAULT_OPTIONS, context, field="ext__c"))
    await settle()
    waiting = gate.waiting.copy()
    gate.opened.set()

    assert [Saved(record_id(str(number))) for number in range(4)] == await writing
    assert ["0", "2", "3"] == waiting


class Failing(Gate):
    """Loses the connection of one call for one record."""

    async def send(self, request: Request, context: CallContext) -> Response:
        """Fail the record 2."""
        if "/Ext__c/2" in request.path:
            raise UpstreamUnavailable("lost")
        return await super().send(request, context)


async def test_a_record_that_travels_alone_fails_alone() -> None:
    """Those beside it, and those of the call for several, were written and hear of it."""
    gate = Failing()
    gate.opened.set()
    texts = ["@{r0.id}", "plain", "@{"]
    writes = [
        Write(Operation.UPDATE, "Lead", {"Title": text}, key=ExternalKey("Ext__c", str(number)))
        for number, text in enumerate(texts)
    ]
    rows = [Row(write, "Lead", 1) for write in writes]
    client = SalesforceClient(gate, org="prod", api_version="66.0")

    outcomes = await client.write_rows(Operation.UPDATE, rows, DEFAULT_OPTIONS, call(FakeClock()), field="ext__c")

    assert [Saved(record_id("0")), Saved(record_id("1"))] == outcomes[:2]
    assert isinstance(outcomes[2], UpstreamUnavailable)
