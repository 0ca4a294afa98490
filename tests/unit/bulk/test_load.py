"""A load that its end commits, from the first byte to the last result."""

from contextlib import aclosing

from service.bulk.data.formats import Format
from service.bulk.job import JobState
from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.telling.events import Accepted, Finished, PartDone, Prepared, Progress
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import load
from tests.unit.bulk.three_rows import DATA, INSERT, UPSERT, counts_of, rows_of, run, without_name


async def test_a_load_tells_everything_in_order():
    """Accepted comes first, then progress, then results by row number, then the counts."""
    org = FakeBulkOrg(judge=without_name, creates=lambda row: row["Ext__c"] == "L-1")

    events = await load(UPSERT, org, DATA[:20], DATA[20:])

    assert isinstance(events[0], Accepted)
    assert events[0].load.state is JobState.OPEN
    assert events[0].load.created_at == 1_800_000_000.0
    states = [event.load.state for event in events if isinstance(event, Progress)]
    wanted = [JobState.OPEN, JobState.UPLOADED, JobState.PROCESSING, JobState.COMPLETE]
    assert wanted == list(dict.fromkeys(states))
    assert rows_of(events) == [(1, "created"), (2, "failed"), (3, "updated")]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.rows_received == 3
    assert counts_of(finished) == (1, 1, 0, 1, 0, 0)
    assert org.jobs[0].uploaded == DATA
    assert not any(isinstance(event, Prepared) for event in events)
    assert isinstance(events[-2], PartDone)


async def test_json_lines_load_alike():
    """Keys that come late make columns, and results still find their rows."""
    request = LoadRequest("Lead", Operation.INSERT, format=Format.JSON_LINES, results=WantedResults.ALL)
    data = b'{"LastName": "Curie"}\n{"FirstName": "Lise", "LastName": null}\n'
    org = FakeBulkOrg(judge=lambda row: "X:no:LastName --" if row["LastName"] == "#N/A" else "")

    events = await load(request, org, data)

    assert org.jobs[0].rows == [{"LastName": "Curie", "FirstName": ""}, {"LastName": "#N/A", "FirstName": "Lise"}]
    assert rows_of(events) == [(1, "created"), (2, "failed")]


async def test_progress_while_data_comes_in_is_at_most_once_a_second():
    """A fast stream does not drown its caller in progress."""
    clock = FakeClock()
    part = b"Curie\n" * 20_000

    async def data():
        # The next message comes in while one is worked on.
        yield b"LastName\n" + part
        yield part
        for _ in range(8):
            clock.advance(0.25)
            yield part

    async with aclosing(run(INSERT, FakeBulkOrg(), data(), clock)) as stream_of_events:
        events = [event async for event in stream_of_events]

    received = [
        event.rows_received for event in events if isinstance(event, Progress) and event.load.state is JobState.OPEN
    ]
    # How many messages are cut in a run is a matter of the moment.
    assert 2 <= len(set(received)) <= 4
    assert received == sorted(received)
    assert received[-1] == 200_000
