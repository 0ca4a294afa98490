"""Query: the first page of a result, and the pages after it."""

import re

from service.emulator import ids
from service.emulator.cursors import DEFAULT_PAGE_SIZE, MINIMUM_PAGE_SIZE, Page
from service.emulator.engine import QueryResult
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.routing import Router

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d{1,9})", re.IGNORECASE)


def add_to(router: Router[OrgCall]) -> None:
    """Add the query resources."""
    router.add("query", get=_query)
    router.add("queryAll", get=_query_all)
    router.add("query/{locator}", get=_next_page)
    router.add("queryAll/{locator}", get=_next_page)


async def _query(call: OrgCall) -> Answer:
    if "explain" in call.query and "q" not in call.query:
        return await _explain(call)
    return await _first_page(call, include_deleted=False)


async def _query_all(call: OrgCall) -> Answer:
    return await _first_page(call, include_deleted=True)


async def _first_page(call: OrgCall, *, include_deleted: bool) -> Answer:
    soql = call.query.get("q", "")
    if not soql.strip():
        raise SalesforceFault(400, "MALFORMED_QUERY", "A query string has to be specified")
    result = await _result(call, soql, include_deleted=include_deleted)
    page = call.tenant.cursors.first_page(
        call.session.token,
        result.rows,
        total_size=result.total_size,
        page_size=_page_size(call) or DEFAULT_PAGE_SIZE,
        width=result.width,
        base=call.base,
    )
    return _answer(call, page)


async def _explain(call: OrgCall) -> Answer:
    soql = call.query["explain"]
    if not soql.strip():
        raise SalesforceFault(400, "MALFORMED_QUERY", "A query string has to be specified")
    if ids.normalise(soql) is not None:
        # Plans of reports and list views, which an emulated org has none of.
        raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
    plans = await call.tenant.org.explain(soql, user_id=call.user_id, at_once=call.at_once)
    return Answer(value={"plans": plans, "sourceQuery": soql})


async def _result(call: OrgCall, soql: str, *, include_deleted: bool) -> QueryResult:
    org = call.tenant.org
    if call.at_once:
        return org.query(soql, include_deleted=include_deleted, api_version=call.version, user_id=call.user_id)
    return await org.query_beside(soql, include_deleted=include_deleted, api_version=call.version, user_id=call.user_id)


async def _next_page(call: OrgCall) -> Answer:
    locator = call.parameters["locator"]
    owner = call.tenant.cursors.owner(locator)
    if owner is not None and owner != call.session.token and call.tenant.sessions.find(owner) is None:
        # A locator dies with its session, and Salesforce blames the session although the asking one is alive.
        raise SalesforceFault(401, "INVALID_SESSION_ID", "Session expired or invalid")
    page = call.tenant.cursors.next_page(call.session.token, locator, page_size=_page_size(call), base=call.base)
    return _answer(call, page)


def _page_size(call: OrgCall) -> int | None:
    # Salesforce takes the header as advice: it moves figures out of range to the nearest it allows.
    match = _BATCH_SIZE.search(call.headers.get("Sforce-Query-Options", ""))
    return min(max(int(match[1]), MINIMUM_PAGE_SIZE), DEFAULT_PAGE_SIZE) if match else None


def _answer(call: OrgCall, page: Page) -> Answer:
    value: dict[str, object] = {"totalSize": page.total_size, "done": page.locator is None}
    if page.locator is not None:
        value["nextRecordsUrl"] = f"{call.base}/query/{page.locator}"
    value["records"] = page.rows
    return Answer(value=value)
