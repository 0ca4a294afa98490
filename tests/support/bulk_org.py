"""An org that knows nothing but one query job, scripted part by part."""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from service.context import CallContext
from service.salesforce.transport.base import Request, Response
from tests.support.transport import answer, fault

BASE = "/services/data/v66.0/jobs/query"
JOB_ID = "750000000000001AAA"


class BulkOrg:
    """A transport whose job has one column `N__c`.

    Args:
        parts: The rows of each part, and the locator of the next one (`null` behind the last), by locator.
        states: What polls tell in turn; the last one repeats.
        listed: The locators that are listed; None for an org that has no lists.
        counted: How many rows the job says it has; None for those that it has.

    """

    def __init__(
        self,
        parts: Mapping[str, tuple[Sequence[int], str]],
        *,
        states: Sequence[str | Response] = ("JobComplete",),
        listed: Sequence[str] | None = None,
        counted: int | None = None,
    ) -> None:
        self._parts = parts
        self._states = list(states)
        self._listed = listed
        self._counted = sum(len(rows) for rows, _ in parts.values()) if counted is None else counted
        self.requests: list[Request] = []
        self.gate = asyncio.Event()
        """Parts are sent while it is set."""
        self.gate.set()
        self.open = 0
        self.most_open = 0
        """Most parts that were on their way at a time."""
        self.broken = 0
        """How many parts break off once, before they are sent again."""
        self.cut = 0
        """How many parts end in the middle of their last row, which nobody notices on the way."""
        self.told = 0
        """Rows that each part claims beyond those that it has."""

    async def send(self, request: Request, _context: CallContext) -> Response:
        """Answer as the script says."""
        self.requests.append(request)
        url = urlsplit(request.path)
        if url.path.endswith("/results"):
            return await self._part(request, parse_qs(url.query).get("locator", [""])[0])
        if url.path.endswith("/resultPages"):
            return self._list()
        if request.method == "DELETE":
            return answer(204)
        state = "UploadComplete" if request.method in {"POST", "PATCH"} else self._next_state()
        if isinstance(state, Response):
            return state
        counted = self._counted if state == "JobComplete" else 0
        facts = {"errorMessage": "it takes too long"} if state == "Failed" else {}
        return answer(200, {"id": JOB_ID, "state": state, "numberRecordsProcessed": counted, **facts})

    def sent(self, method: str) -> list[str]:
        """Return the paths below the jobs of the requests with a method."""
        return [request.path.removeprefix(BASE) for request in self.requests if request.method == method]

    def _next_state(self) -> str | Response:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    async def _part(self, request: Request, locator: str) -> Response:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.open -= 1
        rows, following = self._parts[locator]
        text = "".join(f'"{cell}"\n' for cell in ("N__c", *rows)).encode()
        assert request.sink is not None
        while self.broken:
            self.broken -= 1
            request.sink().write(text[: len(text) // 2])
        request.sink().write(text[:-3] if self.cut else text)
        self.cut = max(0, self.cut - 1)
        count = str(len(rows) + self.told)
        return Response(200, {"sforce-numberofrecords": count, "sforce-locator": following}, b"")

    def _list(self) -> Response:
        if self._listed is None:
            return fault(404, "NOT_FOUND", "The requested resource does not exist")
        pages = [{"resultUrl": f"{BASE}/{JOB_ID}/results?locator={locator}"} for locator in self._listed]
        return answer(200, {"resultPages": pages, "done": True, "nextRecordsUrl": None})
