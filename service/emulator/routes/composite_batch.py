"""Composite batch: up to 25 independent subrequests, one after the other, each an API call of its own.

Source: Salesforce REST API, "Composite Batch".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from service.emulator.exchange import Answer, OrgCall
from service.emulator.fault_answers import fault_answer
from service.emulator.faults import SalesforceFault, unparsable
from service.emulator.json_text import parse_object
from service.emulator.routes.composite_order import flag_in, list_in, method_in, text_in, too_many
from service.emulator.routes.job_order import refuse_unknown_keys
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequest, Subrequests, target_of, unknown_resource

MAXIMUM_SUBREQUESTS = 25

_KEYS = frozenset({"batchRequests", "haltOnError"})
_ENTRY_KEYS = frozenset({"method", "url", "richInput", "binaryPartName", "binaryPartNameAlias"})
_DATA = ("services", "data")
_UNSUPPORTED = frozenset({"composite", "jobs"})


@dataclass(frozen=True, slots=True)
class _Entry:
    method: str
    url: str
    body: object


class CompositeBatchRoutes:
    """The composite batch resource.

    Args:
        subrequests: Answers what a call asks for.

    """

    def __init__(self, subrequests: Subrequests) -> None:
        self._subrequests = subrequests

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the composite batch resource."""
        router.add("composite/batch", post=self._run)

    async def _run(self, call: OrgCall) -> Answer:
        body = parse_object(await call.body.read())
        refuse_unknown_keys(body, _KEYS)
        halt_on_error = flag_in(body, "haltOnError", default=False)
        entries = [_entry(each) for each in list_in(body, "batchRequests")]
        if len(entries) > MAXIMUM_SUBREQUESTS:
            raise too_many(f"A batch may have at most {MAXIMUM_SUBREQUESTS} subrequests")
        results: list[dict[str, object]] = []
        has_errors = False
        for place, entry in enumerate(entries):
            answer = _halted() if has_errors and halt_on_error else await self._answer(call, entry, place)
            has_errors = has_errors or answer.status >= HTTPStatus.BAD_REQUEST
            results.append({"statusCode": answer.status, "result": None if answer.empty else answer.value})
        return Answer(value={"hasErrors": has_errors, "results": results})

    async def _answer(self, call: OrgCall, entry: _Entry, place: int) -> Answer:
        # The call itself has paid for the first.
        if place and not call.tenant.allocation.requests.take():
            return fault_answer(SalesforceFault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
        try:
            # The guide's URLs begin with the version; clients also send whole paths.
            target = target_of(entry.url, below=_DATA if entry.url.startswith("/services/data/") else ())
            if target.resource[:1] and target.resource[0] in _UNSUPPORTED:
                raise unknown_resource()
        except SalesforceFault as fault:
            return fault_answer(fault)
        return await self._subrequests.answer(call, Subrequest(entry.method, target, {}, entry.body))


def _entry(entry: Any) -> _Entry:
    if not isinstance(entry, dict):
        raise unparsable("Cannot deserialize a subrequest: an object is expected")
    members: Mapping[str, Any] = entry
    refuse_unknown_keys(members, _ENTRY_KEYS)
    return _Entry(method_in(members), text_in(members, "url"), members.get("richInput"))


def _halted() -> Answer:
    text = "Batch processing halted per request"  # unverified
    return fault_answer(SalesforceFault(412, "BATCH_PROCESSING_HALTED", text))
