"""The reading of a query job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from service import soql
from service.clock import Clock
from service.errors import QueryNotResumable, SalesforceRejected, UpstreamProtocolError
from service.query import bulk_job, bulk_reading
from service.query.batches import Batch
from service.query.bulk_reading import BulkReading
from service.query.columns import ColumnType, ResultColumn
from service.query.leftovers import KEPT_SECONDS, Leftovers
from service.query.options import Options
from service.query.resume import BulkPosition, ResumeSigner, ResumeToken
from service.salesforce.client import SalesforceClient
from service.settings.signing_key import SigningKey
from service.soql.ast import Query
from tests.support.bulk_org import JOB_ID, BulkOrg
from tests.support.clock import FakeClock, ManualClock, settle
from tests.support.transport import call, fault

FOUR = {"": ((1, 2), "b"), "b": ((3, 4), "c"), "c": ((5, 6), "d"), "d": ((7,), "null")}
QUERY = soql.parse("SELECT N__c FROM Lead")
SIGNER = ResumeSigner((SigningKey("k", b"x" * 32),))


def reading(
    org: Any,
    *,
    clock: Clock | None = None,
    token: ResumeToken | None = None,
    leftovers: Leftovers | None = None,
    query: Query = QUERY,
    name: str = "N__c",
    **options: Any,
) -> AsyncIterator[Batch]:
    """Read the job of an org."""
    clock = clock or FakeClock()
    wanted = Options(**options)
    start = token or SIGNER.open(query, wanted, 0.0, org="prod")
    return bulk_reading.read(
        BulkReading(query, [ResultColumn(name, ColumnType.INT64, (name,))], "it has no order", wanted, start),
        SalesforceClient(org, org="prod", api_version="66.0"),
        call(clock),
        write=SIGNER.write,
        leftovers=leftovers or Leftovers(ManualClock()),
    )


async def numbers(batches: AsyncIterator[Batch]) -> list[list[int]]:
    """Return the one column of each batch."""
    return [list(batch.columns[0].values) async for batch in batches]


async def test_a_slow_job_is_waited_for():
    """However long a job takes it is only asked less often, up to every fifteen seconds."""
    clock = FakeClock()
    org = BulkOrg({"": ((1,), "null")}, states=["UploadComplete", *["InProgress"] * 500, "JobComplete"])

    assert [[1]] == await numbers(reading(org, clock=clock))
    assert clock.sleeps == sorted(clock.sleeps)
    assert (bulk_job.FIRST_POLL_SECONDS, bulk_job.LAST_POLL_SECONDS) == (clock.sleeps[0], clock.sleeps[-1])


async def test_an_outage_is_waited_out():
    """A job runs on whether or not it can be asked for."""
    outage = fault(503, "SERVER_UNAVAILABLE", "busy")
    org = BulkOrg({"": ((1,), "null")}, states=[outage, outage, "InProgress", outage, "JobComplete"])

    assert [[1]] == await numbers(reading(org))


@pytest.mark.parametrize(("state", "why"), [("Failed", "it takes too long"), ("Aborted", "somebody aborted it")])
async def test_a_job_that_fails_says_why(state, why):
    """The call fails with what Salesforce says of the job."""
    with pytest.raises(SalesforceRejected, match=why):
        await numbers(reading(BulkOrg({}, states=["InProgress", state])))


async def test_who_stops_waiting_aborts_the_job():
    """A job that nobody waits for any more does not run on."""
    clock = ManualClock()
    org = BulkOrg({}, states=["InProgress"])
    task = asyncio.create_task(numbers(reading(org, clock=clock)))
    await clock.pass_time(60)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [f"/{JOB_ID}"] == org.sent("PATCH")
    assert task.cancelled()


@pytest.mark.parametrize("is_impatient", [False, True])
async def test_who_leaves_while_the_job_is_made_aborts_it(is_impatient):
    """Nobody knows the job's id before Salesforce answers, so the answer is waited for: it must not run on unseen."""

    class Slow(BulkOrg):
        async def send(self, request: Any, context: Any) -> Any:
            answered = await super().send(request, context)
            if request.method == "POST":
                await self.gate.wait()
            return answered

    org = Slow({}, states=["InProgress"])
    org.gate.clear()
    task = asyncio.create_task(numbers(reading(org)))
    await settle()

    task.cancel()
    await settle()
    is_waiting = not task.done()
    if is_impatient:
        task.cancel()
        await settle()
    org.gate.set()
    await asyncio.gather(task, return_exceptions=True)

    assert (True, True) == (is_waiting, task.cancelled())
    assert ([] if is_impatient else [f"/{JOB_ID}"]) == org.sent("PATCH")


async def test_a_result_of_which_nothing_was_taken_is_deleted():
    """No token names it, so nobody can come back for it."""
    org = BulkOrg(FOUR)
    org.gate.clear()
    task = asyncio.create_task(numbers(reading(org)))
    await settle()

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert ([], [f"/{JOB_ID}"]) == (org.sent("PATCH"), org.sent("DELETE"))


def test_a_row_without_an_end_is_not_held(monkeypatch):
    """What reads a row has it in memory, so one that is longer than any is refused while it comes."""
    monkeypatch.setattr(bulk_job, "_LONGEST_LINE", 1000)
    spool = bulk_job.Spool()

    for _ in range(100):
        spool.write(b"x" * 500 + b"\n" + b"y" * 400)
    spool.write(b"\n")
    spool.write(b"z" * 600)

    with pytest.raises(UpstreamProtocolError, match="more than 1,000 bytes"):
        spool.write(b"z" * 600)
    spool.close()


async def test_the_value_of_a_function_may_be_called_anything():
    """What Salesforce calls it is not documented; that of a field is, and no other may stand there."""
    query = soql.parse("SELECT CALENDAR_YEAR(CreatedDate) FROM Lead")

    assert [[1]] == await numbers(reading(BulkOrg({"": ((1,), "null")}), query=query, name="expr0"))
    with pytest.raises(UpstreamProtocolError, match="other columns"):
        await numbers(reading(BulkOrg({"": ((1,), "null")}), name="M__c"))


async def test_who_stops_reading_keeps_the_job():
    """A token leads to the rest, so the job stays, and nothing further is fetched."""
    org = BulkOrg(FOUR, listed=["", "b", "c", "d"])
    async with aclosing(reading(org)) as batches:  # type: ignore[type-var]
        first = await anext(batches)
    await settle()
    sent = len(org.requests)
    await settle()

    assert [1, 2] == list(first.columns[0].values)
    assert [] == org.sent("PATCH") + org.sent("DELETE")
    assert (sent, 0) == (len(org.requests), org.open)


async def test_two_parts_are_fetched_ahead():
    """While one part is read the next two are on their way, and they arrive in order."""
    org = BulkOrg(FOUR, listed=["", "b", "c", "d"])
    batches = reading(org)

    first = await anext(batches)
    org.gate.clear()
    await settle()
    ahead = org.open
    org.gate.set()
    rest = await numbers(batches)

    assert [[1, 2], [3, 4], [5, 6], [7]] == [list(first.columns[0].values), *rest]
    assert 2 >= ahead
    assert 2 == org.most_open
    assert sorted(FOUR) == sorted(path.partition("locator=")[2] for path in org.sent("GET") if "/results" in path)


@pytest.mark.parametrize("listed", [None, [], ["", "d", "b", "c"], ["x" * 300], ["", "b"]])
async def test_a_list_is_only_a_hint(listed):
    """Without a list, or with a wrong one, the rows are the same."""
    assert [[1, 2], [3, 4], [5, 6], [7]] == await numbers(reading(BulkOrg(FOUR, listed=listed)))


async def test_a_part_that_breaks_off_is_read_anew():
    """What an attempt left behind is forgotten when the next one begins."""
    org = BulkOrg(FOUR)
    org.broken = 2

    assert [[1, 2], [3, 4], [5, 6], [7]] == await numbers(reading(org))


async def test_each_batch_tells_where_the_next_row_stands():
    """The tokens name the part and how much of it was sent, and nothing behind the last row."""
    batches = [batch async for batch in reading(BulkOrg({"": ((1, 2, 3), "b"), "b": ((4,), "null")}), batch_size=2)]

    tokens = [
        SIGNER.open(QUERY, Options(batch_size=2, resume_token=batch.resume), 0.0, org="prod") for batch in batches
    ]
    assert [BulkPosition(JOB_ID, "", 2), BulkPosition(JOB_ID, "b"), None] == [token.position for token in tokens]
    assert [(2, 4), (3, 4), (4, 4)] == [(token.rows, token.total) for token in tokens]
    assert [0, 2, 3] == [batch.first_row for batch in batches]


@pytest.mark.parametrize("taken", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("max_rows", [0, 6])
async def test_it_goes_on_behind_any_batch(taken, max_rows):
    """No row comes twice and none is left out, wherever it broke off."""
    options = {"batch_size": 1, "max_rows": max_rows}
    begun = [batch async for batch in reading(BulkOrg(FOUR), **options)][:taken]
    token = SIGNER.open(QUERY, Options(resume_token=begun[-1].resume, **options), 0.0, org="prod")

    rest = await numbers(reading(BulkOrg(FOUR), token=token, resume_token=begun[-1].resume, **options))

    assert [[number] for number in range(taken + 1, (max_rows or 7) + 1)] == rest


async def test_a_result_without_rows_is_one_empty_batch():
    """There is nothing to go on to."""
    (batch,) = [batch async for batch in reading(BulkOrg({"": ((), "null")}))]

    assert (0, 0, 1) == (batch.row_count, batch.total_size, len(batch.columns))


@pytest.mark.parametrize("state", ["Failed", "Aborted", fault(404, "NOT_FOUND", "gone"), fault(404, "INVALIDJOB")])
async def test_a_job_that_is_gone_cannot_go_on(state):
    """Whoever comes back too late is told so, with the rows that were sent."""
    begun = SIGNER.open(QUERY, Options(), 0.0, org="prod")
    token = ResumeToken(begun.org, begun.query, begun.options, 4, 7, 0, BulkPosition(JOB_ID, "c"))

    with pytest.raises(QueryNotResumable) as raised:
        await numbers(reading(BulkOrg(FOUR, states=[state]), token=token))

    assert ("prod", "4") == (raised.value.metadata["org"], raised.value.metadata["rows"])


@pytest.mark.parametrize(
    ("parts", "counted", "why"),
    [
        ({"": ((1,), "b"), "b": ((2,), "b")}, 9, "in a circle"),
        ({"": ((1,), "")}, 1, "does not tell its rows"),
        ({"": ((1,), "no locator")}, 1, "no proper locator"),
        ({"": ((1, 2), "null")}, 3, "has 2 rows where Salesforce counted 3"),
        ({"": ((), "null")}, 3, "has 0 rows where Salesforce counted 3"),
    ],
)
async def test_a_result_that_is_not_whole_is_an_error(parts, counted, why):
    """Rows that are missing are never passed over in silence."""
    with pytest.raises(UpstreamProtocolError, match=why):
        await numbers(reading(BulkOrg(parts, counted=counted)))


@pytest.mark.parametrize("batch_size", [1, 2, 0])
@pytest.mark.parametrize("cut", [1, 2])
async def test_a_part_that_came_cut_off_is_read_once_more(cut, batch_size):
    """No row of it comes twice, and none is left out."""
    org = BulkOrg({"": ((10, 20, 30), "b"), "b": ((40, 50), "null")})
    org.cut = cut

    if cut > 1:
        with pytest.raises(UpstreamProtocolError):
            await numbers(reading(org, batch_size=batch_size))
        return
    assert [10, 20, 30, 40, 50] == [
        each for batch in await numbers(reading(org, batch_size=batch_size)) for each in batch
    ]


async def test_a_part_that_is_cut_off_is_an_error():
    """Each part has as many rows as it says."""
    org = BulkOrg(FOUR)
    org.told = 1

    with pytest.raises(UpstreamProtocolError, match="part of a bulk result has 2 rows where Salesforce counted 3"):
        await numbers(reading(org))


async def test_a_job_is_deleted_an_hour_after_it_was_read():
    """Until then a caller whose connection broke can come back for the last rows."""
    clock = ManualClock()
    org = BulkOrg(FOUR)

    async with Leftovers(clock) as leftovers:
        await numbers(reading(org, leftovers=leftovers))
        await settle()
        await clock.pass_time(KEPT_SECONDS - 1)
        before = org.sent("DELETE")
        await clock.pass_time(2)

        assert 0 == leftovers.count
    assert ([], [f"/{JOB_ID}"]) == (before, org.sent("DELETE"))


async def test_a_job_that_is_read_again_is_kept():
    """Whoever comes back does not lose the job while reading it."""
    clock = ManualClock()
    org = BulkOrg(FOUR)

    async with Leftovers(clock) as leftovers:
        first, *_ = [batch async for batch in reading(org, leftovers=leftovers)]
        await settle()
        token = SIGNER.open(QUERY, Options(resume_token=first.resume), 0.0, org="prod")
        again = reading(org, token=token, leftovers=leftovers)
        await anext(again)
        await clock.pass_time(KEPT_SECONDS * 2)
        kept = org.sent("DELETE")
        rest = await numbers(again)

    assert ([], [[5, 6], [7]]) == (kept, rest)


async def test_what_bulk_refuses_is_told():
    """A job that cannot be created is not aborted."""

    class Refusing(BulkOrg):
        async def send(self, request: Any, context: Any) -> Any:
            answered = await super().send(request, context)
            return fault(400, "FEATURENOTENABLED", "not supported") if request.method == "POST" else answered

    org = Refusing({})
    with pytest.raises(Exception, match="not supported") as raised:
        await numbers(reading(org))

    assert "FEATURENOTENABLED" == raised.value.metadata["salesforce_error_code"]  # type: ignore[attr-defined]
    assert [""] == org.sent("POST")
    assert [] == org.sent("PATCH")


@pytest.mark.parametrize(("gone", "comes"), [(1, True), (2, True), (3, False)])
async def test_a_job_that_is_deleted_while_it_runs_is_run_anew(gone, comes):
    """Nothing was sent of it yet; only an org that deletes one after the other ends the call."""
    lost = fault(404, "NOT_FOUND", "The requested resource does not exist")
    org = BulkOrg(FOUR, states=["InProgress", *[lost] * gone, "InProgress", "JobComplete"])

    if comes:
        assert [[1, 2], [3, 4], [5, 6], [7]] == await numbers(reading(org))
    else:
        with pytest.raises(QueryNotResumable):
            await numbers(reading(org))

    assert min(gone + 1, 3) == len(org.sent("POST"))
