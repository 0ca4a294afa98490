"""What was deleted and what was changed in a span of time.

Source: Salesforce REST API, "sObject Get Deleted" and "sObject Get Updated".
"""

from datetime import datetime

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault, bad_replication_date
from service.emulator.recycle_bin import Window
from service.emulator.routing import Router


def add_to(router: Router[OrgCall]) -> None:
    """Add the two lists."""
    router.add("sobjects/{sobject}/deleted", get=_deleted)
    router.add("sobjects/{sobject}/updated", get=_updated)


async def _deleted(call: OrgCall) -> Answer:
    found = call.tenant.org.recycle_bin.deleted(call.parameters["sobject"], _window(call))
    return Answer(
        value={
            "deletedRecords": [{"id": key, "deletedDate": moment} for key, moment in found.records],
            "earliestDateAvailable": found.earliest_available,
            "latestDateCovered": found.latest_covered,
        }
    )


async def _updated(call: OrgCall) -> Answer:
    found = call.tenant.org.recycle_bin.updated(call.parameters["sobject"], _window(call))
    return Answer(value={"ids": list(found.ids), "latestDateCovered": found.latest_covered})


def _window(call: OrgCall) -> Window:
    return Window.between(_moment(call, "start"), _moment(call, "end"))


def _moment(call: OrgCall, name: str) -> float:
    text = call.query.get(name)
    if text is None:
        # Code and text are unverified.
        raise SalesforceFault(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_replication_date(f"Invalid {name} date: {text[:40]}") from None
    if moment.tzinfo is None:
        raise bad_replication_date(f"Invalid {name} date, it has no time zone: {text[:40]}")
    try:
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise bad_replication_date(f"Invalid {name} date: {text[:40]}") from None
