"""Bulk 2.0 query jobs over HTTP. Source: Bulk API 2.0 Developer Guide."""

from collections.abc import Mapping
from itertools import pairwise

from service.clock import Clock
from service.emulator.dialects import DELIMITERS
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import parse_object
from service.emulator.query_jobs import DEFAULT_PAGE_ROWS, QueryJob, QueryOrder
from service.emulator.routes.job_list import page_of
from service.emulator.routes.job_order import choice, refuse_unknown_keys, word
from service.emulator.routing import Router
from service.emulator.schema import Schema, SObject
from service.emulator.schema.model import COMPOUND_TYPES
from service.errors import MalformedQuery
from service.soql import ast, parse

_ORDER_KEYS = frozenset({"operation", "query", "contentType", "columnDelimiter", "lineEnding"})
_LISTED_PAGES = 5


class QueryJobRoutes:
    """The query job resources.

    Args:
        clock: Moves jobs from state to state.
        delay_seconds: How long a job stays in UploadComplete.

    """

    def __init__(self, *, clock: Clock, delay_seconds: float) -> None:
        self._clock = clock
        self._delay_seconds = delay_seconds

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the query job resources."""
        router.add("jobs/query", get=_list, post=self._create)
        router.add("jobs/query/{job}", get=self._poll, patch=_change, delete=_delete)
        router.add("jobs/query/{job}/results", get=_results)
        router.add("jobs/query/{job}/resultPages", get=_result_pages)

    async def _create(self, call: OrgCall) -> Answer:
        body = parse_object(await call.body.read())
        order, soql = _order(call, body)
        org = call.tenant.org
        result = await org.query_beside(
            soql,
            include_deleted=order.operation == "queryAll",
            api_version=call.version,
            user_id=call.user_id,
        )
        sobject = org.schema.sobject(order.sobject)
        for name in result.header:
            if sobject is not None and _is_compound(org.schema, sobject, name.split(".")):
                raise _unsupported("Selecting compound data not supported in Bulk Query")
        if not call.tenant.allocation.query_jobs.take():
            raise SalesforceFault(400, "LIMIT_EXCEEDED", "DailyBulkV2QueryJobs Limit exceeded.")
        delay = self._delay_seconds + call.tenant.writer.disturbances.slow_job(org.id).wait_seconds
        job = call.tenant.query_jobs.create(order, call.user_id, result, delay_seconds=delay)
        return Answer(value=job.info())

    async def _poll(self, call: OrgCall) -> Answer:
        job = _job(call)
        job.poll(self._clock.now())
        return Answer(value=job.progress())


async def _list(call: OrgCall) -> Answer:
    return page_of(call, call.tenant.query_jobs, "V2Query", "jobs/query")


async def _change(call: OrgCall) -> Answer:
    job = _job(call)
    if parse_object(await call.body.read()).get("state") != "Aborted":
        raise SalesforceFault(400, "INVALIDJOB", "The state of a query job can be set to Aborted")
    job.abort()
    return Answer(value=job.info())


async def _delete(call: OrgCall) -> Answer:
    call.tenant.query_jobs.delete(_job(call))
    return Answer.nothing()


async def _results(call: OrgCall) -> Answer:
    job = _job(call)
    _check_version(call, job)
    asked = call.query.get("maxRecords", "")
    rows = int(asked[:9]) if asked.isdecimal() and int(asked[:9]) else DEFAULT_PAGE_ROWS
    content, count, following = job.page(call.query.get("locator", ""), rows)
    headers = {"Sforce-NumberOfRecords": str(count), "Sforce-Locator": following}
    return Answer(headers=headers, content=content, content_type="text/csv")


async def _result_pages(call: OrgCall) -> Answer:
    # From v58 on pages may be fetched side by side; the list names a few, and where the list goes on.
    job = _job(call)
    _check_version(call, job)
    locators = job.locators(call.query.get("locator", ""))
    base = f"{call.base}/jobs/query/{job.id}"
    pages = [{"resultUrl": f"{base}/results" + (f"?locator={each}" if each else "")} for each in locators]
    rest = locators[_LISTED_PAGES] if len(locators) > _LISTED_PAGES else None
    following = f"{base}/resultPages?locator={rest}" if rest else None
    return Answer(value={"resultPages": pages[:_LISTED_PAGES], "nextRecordsUrl": following, "done": rest is None})


def _job(call: OrgCall) -> QueryJob:
    return call.tenant.query_jobs.get(call.parameters["job"])


def _check_version(call: OrgCall, job: QueryJob) -> None:
    if call.version != job.order.api_version:
        text = f"The job was created with API version {job.order.api_version}"  # unverified
        raise SalesforceFault(409, "API_VERSION_MISMATCH", text)


def _order(call: OrgCall, body: Mapping[str, object]) -> tuple[QueryOrder, str]:
    refuse_unknown_keys(body, _ORDER_KEYS)
    operation = choice(body, "operation", ("query", "queryAll"), None)
    choice(body, "contentType", ("CSV",), "CSV")
    soql = word(body, "query")
    sobject = call.tenant.org.schema.sobject(_checked_source(soql))
    order = QueryOrder(
        operation=operation,
        sobject=sobject.name if sobject else "",
        column_delimiter=choice(body, "columnDelimiter", tuple(DELIMITERS), "COMMA"),
        line_ending=choice(body, "lineEnding", ("LF", "CRLF"), "LF"),
        api_version=call.version,
    )
    return order, soql


def _checked_source(soql: str) -> str:
    """Return the sObject a query is of, having refused what bulk queries do not take."""
    try:
        query = parse(soql, parameters=False)
    except MalformedQuery:
        return ""  # the org says it in Salesforce's words when it is asked
    for entry in query.select:
        if isinstance(entry, ast.Children):
            raise _unsupported("Nested queries not supported in Bulk Query")
        if isinstance(entry, ast.TypeOf):
            raise _unsupported("TYPEOF not supported in Bulk Query")
        if isinstance(entry.expression, ast.Call) and entry.expression.aggregate:
            raise _unsupported("Aggregate functions not supported in Bulk Query")
    if query.group_by:
        raise _unsupported("GROUP BY not supported in Bulk Query")
    if query.offset is not None:
        raise _unsupported("OFFSET not supported in Bulk Query")
    return query.source


def _is_compound(schema: Schema, sobject: SObject, path: list[str]) -> bool:
    holder: SObject | None = sobject
    for relationship, _ in pairwise(path):
        reference = holder.relationship(relationship) if holder else None
        holder = schema.sobject(reference.reference_to[0]) if reference and reference.reference_to else None
    field = holder.field(path[-1]) if holder else None
    return field is not None and field.type in COMPOUND_TYPES


def _unsupported(text: str) -> SalesforceFault:
    return SalesforceFault(400, "FEATURENOTENABLED", text)
