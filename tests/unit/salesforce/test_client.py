"""Records that no call may carry together."""

import asyncio
import re

from service.context import CallContext
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
