"""Three rows that the end of their load commits, as the tests load them and read what is told of them."""

from contextlib import aclosing

from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.telling.events import Results
from tests.unit.bulk.loading import loader, new_ledger

ERROR = "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
INSERT = LoadRequest("Lead", Operation.INSERT)
UPSERT = LoadRequest("Lead", Operation.UPSERT, "Ext__c", results=WantedResults.ALL)
DATA = b"Ext__c,LastName\nL-1,Curie\nL-2,\nL-3,Meitner\n"


async def run(request, org, messages, clock=None):
    """Yield the events of a load."""
    async with aclosing(loader(org, clock).run(request, new_ledger(request), messages)) as events:
        async for event in events:
            yield event


def rows_of(events):
    """Return the number and outcome of each row that was told."""
    return sorted((row.row, row.outcome.value) for event in events if isinstance(event, Results) for row in event.rows)


def counts_of(finished):
    """Return how many rows had each outcome."""
    return finished.counts.by_outcome


def without_name(row):
    """Refuse a row that has no last name."""
    return "" if row["LastName"] else ERROR
