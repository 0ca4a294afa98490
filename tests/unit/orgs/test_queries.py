"""How an org's queries find their route."""

from typing import Any

import pytest

from service.errors import ConcurrencyLimitExceeded, SluicegateError, UnknownObject
from service.orgs.descriptions import Descriptions
from service.orgs.queries import OrgQueries
from service.query.leftovers import Leftovers
from service.query.options import Options
from service.query.resume import ResumeSigner
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from service.settings.signing_key import SigningKey
from tests.support.bulk_org import BulkOrg
from tests.support.clock import FakeClock, ManualClock
from tests.support.transport import answer, call, fault

SELECT = "SELECT N__c FROM Lead"
DESCRIBED = answer(
    200,
    {
        "name": "Lead",
        "fields": [
            {"name": "Id", "type": "id"},
            {"name": "N__c", "type": "int"},
            {"name": "Name", "type": "string"},
            {"name": "Site", "type": "address"},
        ],
    },
)


class Lead(BulkOrg):
    """An org with one sObject of a million records.

    Args:
        refusal: What is answered to whoever begins a job; None to run it.
        cardinality: How many rows the plan of any query has.

    """

    def __init__(self, *, refusal: Response | None = None, cardinality: int = 1_000_000, records: int = 10**6) -> None:
        super().__init__({"": ((1, 2), "null")})
        self._refusal = refusal
        self._plan = {"cardinality": cardinality, "leadingOperationType": "TableScan"}
        self._records = records

    async def send(self, request: Request, context: Any) -> Response:
        """Answer the resource that is asked for."""
        self.requests.append(request)
        if request.path.endswith("/describe"):
            return DESCRIBED
        if "/limits/recordCount" in request.path:
            return answer(200, {"sObjects": [{"count": self._records, "name": "Lead"}]})
        if "/query?explain=" in request.path:
            return answer(200, {"plans": [self._plan]})
        if "/query" in request.path and "/jobs/" not in request.path:
            row = {"attributes": {}, "N__c": 9, "Id": "00Q000000000001AAA"}
            return answer(200, {"totalSize": 1, "done": True, "records": [row]})
        if request.method == "POST" and self._refusal is not None:
            return self._refusal
        return await super().send(request, context)

    def asked(self, what: str) -> int:
        """Return how many requests there were with a text in their path."""
        return len({id(request) for request in self.requests if what in request.path})


def queries(org: Lead) -> OrgQueries:
    """Return the queries of an org that reads 1,000 rows and more in bulk."""
    client = SalesforceClient(org, org="prod", api_version="66.0")
    signer = ResumeSigner((SigningKey("k", b"x" * 32),))
    return OrgQueries(
        client, Descriptions(client), signer, leftovers=Leftovers(ManualClock()), bulk_rows=1_000, open_results=4
    )


async def routes(org: Lead, text: str = SELECT, **options: Any) -> set[str]:
    """Return by which route the result came."""
    found = queries(org).read(text, {}, Options(**options), call(FakeClock()))
    return {batch.route async for batch in found}


@pytest.mark.parametrize(
    ("text", "route", "estimated", "explained"),
    [
        (SELECT, "BULK", 1, 0),
        (SELECT + " WHERE Name != 'x'", "BULK", 1, 1),
        (SELECT + " LIMIT 999", "REST", 0, 0),
        (SELECT + " WHERE Id = '00Q000000000001AAA'", "REST", 0, 0),
        (SELECT + " LIMIT 5000 OFFSET 3", "REST", 0, 0),
    ],
)
async def test_no_more_is_asked_than_it_takes(text, route, estimated, explained):
    """Most queries tell by themselves; of the others the number of records is asked, and of some the plan."""
    org = Lead()

    assert {route} == await routes(org, text)
    assert (estimated, explained) == (org.asked("recordCount"), org.asked("explain="))


async def test_few_rows_of_many_records_are_read_by_rest():
    """The plan decides where there is a condition."""
    assert {"REST"} == await routes(Lead(cardinality=999), SELECT + " WHERE Name != 'x'")


async def test_few_records_need_no_plan():
    """There are never more rows than records."""
    org = Lead(records=999)

    assert {"REST"} == await routes(org, SELECT + " WHERE Name != 'x'")
    assert 0 == org.asked("explain=")


async def test_a_compound_field_is_found_in_its_description():
    """What only the description tells keeps a query from bulk as well."""
    org = Lead()
    text = "SELECT Site FROM Lead"
    with pytest.raises(SluicegateError, match=r"compound fields such as Site \(row 1, column 8\)"):
        await routes(org, text, route="BULK")


@pytest.mark.parametrize(
    "refusal",
    [
        fault(400, "INVALIDENTITY", "Entity 'Lead' is not supported by the Bulk API."),
        fault(400, "FEATURENOTENABLED", "not supported in Bulk Query"),
        fault(400, "LIMIT_EXCEEDED", "DailyBulkV2QueryJobs Limit exceeded."),
    ],
)
async def test_what_bulk_refuses_is_read_by_rest(refusal):
    """Whoever left the route to the service gets the rows nevertheless; whoever asked for bulk gets the refusal."""
    with pytest.raises(SluicegateError) as raised:
        await routes(Lead(refusal=refusal), route="BULK")

    assert {"REST"} == await routes(Lead(refusal=refusal))
    assert raised.value.metadata["salesforce_error_code"]


async def test_another_refusal_is_told():
    """A fault of the query itself is not tried a second time."""
    refusal = fault(400, "INVALID_TYPE", "sObject type 'Lead' is not supported.")
    org = Lead(refusal=refusal)

    with pytest.raises(UnknownObject):
        await routes(org)

    assert 0 == org.asked("query?q=")


@pytest.mark.parametrize(("asked", "route"), [("REST", "REST"), ("BULK", "BULK")])
async def test_the_callers_word_goes(asked, route):
    """Nothing is estimated for whoever knows."""
    org = Lead(records=5)

    assert {route} == await routes(org, route=asked)
    assert 0 == org.asked("recordCount")


async def test_results_that_nobody_reads_on_are_bounded():
    """The fifth waits for one of four to end, and is refused when none does; a place is free after an end."""
    found = queries(Lead(records=9))
    clock = FakeClock()
    opened: list[Any] = [found.read(SELECT, {}, Options(), call(clock)) for _ in range(4)]
    for each in opened:
        await anext(each)

    with pytest.raises(ConcurrencyLimitExceeded):
        await anext(found.read(SELECT, {}, Options(), call(clock)))
    await opened[0].aclose()
    assert {"REST"} == {batch.route async for batch in found.read(SELECT, {}, Options(), call(clock))}
    for each in opened:
        await each.aclose()
