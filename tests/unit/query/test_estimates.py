"""What is asked and remembered of the number of rows."""

import asyncio

import pytest

from service import soql
from service.errors import InvalidArgument, UpstreamUnavailable
from service.query.estimates import PLANS_SECONDS, RECORDS_SECONDS, Estimates
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Response
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

COUNTED = answer(200, {"sObjects": [{"count": 12, "name": "Lead"}]})
PLAN = {"cardinality": 7, "leadingOperationType": "Index", "relativeCost": 0.5, "sobjectCardinality": 12}
PLANNED = answer(200, {"plans": [PLAN], "sourceQuery": "x"})
QUERY = soql.parse("SELECT Id FROM Lead WHERE Name = 'x'")


def asking(*script: Response | Exception) -> tuple[Estimates, ScriptedTransport]:
    """Return the estimates of an org, and what it is asked."""
    transport = ScriptedTransport(*script)
    return Estimates(SalesforceClient(transport, org="prod", api_version="66.0")), transport


async def test_records_are_asked_for_once_in_a_while():
    """Whoever asks within ten minutes, in whatever case, is told the same."""
    clock = FakeClock()
    estimates, transport = asking(COUNTED)

    first = await asyncio.gather(*(estimates.records(name, call(clock)) for name in ("Lead", "LEAD", "lead")))
    clock.advance(RECORDS_SECONDS + 1)
    later = await estimates.records("Lead", call(clock))

    assert ([12, 12, 12], 12) == (first, later)
    assert ["/services/data/v66.0/limits/recordCount?sObjects=Lead"] * 2 == [
        request.path for request in transport.requests
    ]


async def test_plans_are_those_of_the_shape():
    """Queries that differ only in what their parameters hold are explained once in five minutes."""
    clock = FakeClock()
    estimates, transport = asking(PLANNED)

    for shape in ("a", "a", "b"):
        (plan,) = await estimates.plans(QUERY, shape, call(clock))
        assert (7, "Index", 0.5, 12) == (
            plan.cardinality,
            plan.leading_operation_type,
            plan.relative_cost,
            plan.sobject_cardinality,
        )
    clock.advance(PLANS_SECONDS + 1)
    await estimates.plans(QUERY, "a", call(clock))

    assert 3 == len(transport.requests)


@pytest.mark.parametrize(
    "refusal",
    [answer(200, {"sObjects": []}), fault(403, "INSUFFICIENT_ACCESS", "no"), fault(400, "INVALID_TYPE", "no")],
)
async def test_what_salesforce_does_not_tell_is_not_asked_again_at_once(refusal):
    """That nobody knows is remembered as well."""
    estimates, transport = asking(refusal)
    clock = FakeClock()

    assert [None, None] == [await estimates.records("Lead", call(clock)) for _ in range(2)]
    assert 1 == len(transport.requests)


async def test_an_outage_is_not_remembered():
    """It passes, and estimates nothing."""
    estimates, _ = asking(UpstreamUnavailable("down"), COUNTED)
    clock = FakeClock()

    assert [None, 12] == [await estimates.records("Lead", call(clock)) for _ in range(2)]


async def test_a_query_that_salesforce_refuses_is_not_explained():
    """Whoever asks for an explanation is told; whoever only wonders about the rows is not."""
    estimates, _ = asking(fault(400, "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"))

    with pytest.raises(InvalidArgument):
        await estimates.explained(QUERY, call(FakeClock()))
    assert () == await estimates.plans(QUERY, "a", call(FakeClock()))


async def test_a_query_that_is_too_long_is_not_explained():
    """The resource takes no query that does not fit a URL."""
    estimates, transport = asking(PLANNED)

    assert () == await estimates.explained(
        soql.parse(
            f"SELECT Id FROM Lead WHERE Name = '{'x' * 3900}' OR Name = "
            + " OR Name = ".join(f"'{'y' * 3900}'" for _ in range(4))
        ),
        call(FakeClock()),
    )
    assert not transport.requests
