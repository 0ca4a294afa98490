"""Apex REST: what an org's own code answers below `/services/apexrest`.

Source: Salesforce Apex Developer Guide, "Exposing Apex Classes as REST Web Services".
"""

import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

from service.emulator.apex import Apex, ApexRequest, ApexResponse
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import render
from service.emulator.org import Org

ResultT = TypeVar("ResultT")

PREFIX = ("services", "apexrest")
"""The segments all endpoints start with."""


async def answer_apex(apex: Apex, call: OrgCall, segments: Sequence[str]) -> Answer:
    """Answer a request to an endpoint.

    Args:
        apex: The endpoints.
        call: The request.
        segments: Of its path, behind `PREFIX`.

    Raises:
        SalesforceFault: 404 and 405 of `Apex.find`, 500 APEX_ERROR when the code raises, and what reading the
            request raises.

    """
    function, parameters = apex.find(call.method, segments)
    request = ApexRequest(
        method=call.method,
        path="/" + "/".join(segments),
        org=call.tenant.org,
        user_id=call.user_id,
        parameters=parameters,
        query=call.query,
        headers=call.headers,
        body=await call.body.read(),
    )
    return run_apex(request.org, lambda: _answer(function(request)))


def run_apex(org: Org, code: Callable[[], ResultT]) -> ResultT:
    """Run code as Apex runs: in a transaction, and with Salesforce's error for what it raises.

    Args:
        org: Whose rows the code may write.
        code: What to run.

    Raises:
        SalesforceFault: 500 APEX_ERROR; 400 JSON_PARSER_ERROR when the code could not read the request.

    """
    try:
        with org.savepoint():
            return code()
    except SalesforceFault as fault:
        if fault.error_code == "JSON_PARSER_ERROR":
            raise
        fields = f": [{', '.join(fault.fields)}]" if fault.fields else ": []"
        text = f"System.DmlException: first error: {fault.error_code}, {fault.message}{fields}"
        raise _error(text, fault) from None
    except Exception as error:
        # The code is the user's; anything it raises is what an uncaught exception is in Apex.
        raise _error(f"System.{type(error).__name__}: {error}", error) from error


def _answer(result: object) -> Answer:
    response = result if isinstance(result, ApexResponse) else ApexResponse(body=result)
    if response.body is None:
        return Answer(response.status, headers=response.headers, empty=True)
    content = response.body if isinstance(response.body, bytes) else render(response.body)
    return Answer(response.status, headers=response.headers, content=[content], content_type=response.content_type)


def _error(text: str, error: BaseException) -> SalesforceFault:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return SalesforceFault(500, "APEX_ERROR", f"{text}\n\nClass.{frame.name}: line {frame.lineno}, column 1")
