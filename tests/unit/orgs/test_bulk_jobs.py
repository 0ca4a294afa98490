"""Bulk jobs of an org, as far as errors are made clearer."""

import pytest
from msgspec.structs import replace

from service.bulk.data.dialect import Delimiter
from service.bulk.request import LoadRequest, Operation
from service.context import CallContext, Priority
from service.errors import SalesforceRejected, SluicegateError, UnknownField, UnknownObject
from service.orgs.bulk_jobs import OrgBulkJobs
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

KEY = "InvalidJob : Field name provided, Nope__c is not an External ID or indexed field for Lead"


@pytest.mark.parametrize(
    ("code", "message", "kind", "fields"),
    [
        ("INVALIDENTITY", "Entity 'Lead' is not supported", UnknownObject, ["header.object"]),
        ("INVALIDJOB", KEY, UnknownField, ["header.external_id_field"]),
        ("INVALIDJOB", "InvalidJob : something else", SalesforceRejected, []),
    ],
)
async def test_what_is_wrong_with_the_header(code, message, kind, fields):
    """A job that is refused names the part of the header that Salesforce means."""
    client = SalesforceClient(ScriptedTransport(fault(400, code, message)), org="prod", api_version="66.0")
    jobs = OrgBulkJobs(client, call(FakeClock()))

    with pytest.raises(SluicegateError) as raised:
        await jobs.create_job(LoadRequest("Lead", Operation.UPSERT, "Nope__c"), Delimiter.COMMA)

    assert kind is type(raised.value)
    assert fields == [violation.field for violation in raised.value.violations]
    assert code == raised.value.metadata["salesforce_error_code"]


async def test_a_job_that_is_begun_is_finished():
    """Creating a job is refused like any other call; what follows is not, or all was for nothing."""
    begun = []

    class Noting(ScriptedTransport):
        async def send(self, request: Request, context: CallContext) -> Response:
            begun.append((context.priority, context.begun))
            return await super().send(request, context)

    job = answer(200, {"id": "750000000000001AAA", "state": "Open"})
    context = replace(call(FakeClock()), priority=Priority.BATCH)
    jobs = OrgBulkJobs(SalesforceClient(Noting(job), org="prod", api_version="66.0"), context)

    await jobs.create_job(LoadRequest("Lead", Operation.INSERT), Delimiter.COMMA)
    await jobs.complete("750000000000001AAA")
    await jobs.job_info("750000000000001AAA")
    await jobs.abort("750000000000001AAA")

    assert [(Priority.BATCH, False)] + [(Priority.BATCH, True)] * 3 == begun


@pytest.mark.parametrize(
    ("changed", "dated", "seconds"),
    [
        ("2026-02-11T12:00:00.000+0000", "Wed, 11 Feb 2026 12:05:00 GMT", 300.0),
        ("2026-02-11T12:00:00.000+0000", "Wed, 11 Feb 2026 11:00:00 GMT", 0.0),
        ("2026-02-11T12:00:00.000+0000", "", 0.0),
        ("2026-02-11T12:00:00.000+0000", "yesterday", 0.0),
        ("2026-02-11T12:00:00", "Wed, 11 Feb 2026 12:05:00 GMT", 0.0),
        ("soon", "Wed, 11 Feb 2026 12:05:00 GMT", 0.0),
    ],
)
async def test_a_job_says_for_how_long_it_has_not_changed(changed, dated, seconds):
    """By Salesforce's own clock on both ends; what cannot be read is taken for a change just now."""
    job = {"id": "750000000000001AAA", "state": "Aborted", "systemModstamp": changed}
    told = replace_headers(answer(200, job), {"date": dated})
    jobs = OrgBulkJobs(SalesforceClient(ScriptedTransport(told), org="prod", api_version="66.0"), call(FakeClock()))

    found = await jobs.job_info("750000000000001AAA")

    assert seconds == found.unchanged_seconds


def replace_headers(response: Response, headers: dict[str, str]) -> Response:
    """Return an answer with other headers."""
    return Response(response.status, headers, response.content)
