"""Fields the org fills in from others: names of people, what a stage means, when an event ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from service.emulator import faults
from service.emulator.decimals import scaled, unscaled
from service.emulator.values import Stored

_DATETIME = "%Y-%m-%dT%H:%M:%S.000+0000"


@dataclass(slots=True)
class Draft:
    """A row about to be written: what it holds now and what it will."""

    after: dict[str, Stored]
    """Fields to be written; derivations add theirs."""
    given: frozenset[str]
    """Names of the fields the caller gave."""
    now: str
    """The moment of the write, as datetime fields are stored."""
    account_of: Callable[[str], Stored]
    """Finds the account a record belongs to, by its id."""
    places: Callable[[str], int]
    """Tells how many digits of a field's stored number are behind the point."""
    before: Mapping[str, Stored] = field(default_factory=dict)
    """The inputs of the derivation as stored; empty for a create."""
    creating: bool = True

    def __getitem__(self, name: str) -> Stored:
        return self.after[name] if name in self.after else self.before.get(name)

    def number(self, name: str) -> Decimal | None:
        """Return a number as people write it, or None."""
        stored = self[name]
        return None if stored is None else unscaled(int(stored), self.places(name))

    def put_number(self, name: str, number: Decimal | None) -> None:
        """Write a number, rounded to the field's scale."""
        self.after[name] = None if number is None else scaled(number, self.places(name))


@dataclass(frozen=True, slots=True)
class Derivation:
    """How one sObject completes its rows."""

    inputs: tuple[str, ...]
    """Fields that are read; an update that gives none of them derives nothing."""
    complete: Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class _Stage:
    probability: int
    forecast: str
    closed: bool = False
    won: bool = False


_STAGES = {
    "Prospecting": _Stage(10, "Pipeline"),
    "Qualification": _Stage(10, "Pipeline"),
    "Needs Analysis": _Stage(20, "Pipeline"),
    "Value Proposition": _Stage(50, "Pipeline"),
    "Id. Decision Makers": _Stage(60, "Pipeline"),
    "Perception Analysis": _Stage(70, "Pipeline"),
    "Proposal/Price Quote": _Stage(75, "Pipeline"),
    "Negotiation/Review": _Stage(90, "Pipeline"),
    "Closed Won": _Stage(100, "Closed", closed=True, won=True),
    "Closed Lost": _Stage(0, "Omitted", closed=True),
}
_UNKNOWN_STAGE = _Stage(0, "Pipeline")
_FORECASTS = {"Best Case": "BestCase", "Commit": "Forecast"}
_MONTHS_A_QUARTER = 3
_DAY_MINUTES = 1440


def _person(draft: Draft) -> None:
    draft.after["Name"] = " ".join(str(part) for part in (draft["FirstName"], draft["LastName"]) if part)


def _pictured_person(draft: Draft) -> None:
    _person(draft)
    _picture(draft)


def _picture(draft: Draft) -> None:
    if draft.creating:
        draft.after["PhotoUrl"] = f"/services/images/photo/{draft['Id']}"


def _user(draft: Draft) -> None:
    _person(draft)
    if draft.creating:
        draft.after["UserType"] = "Standard"
        draft.after["CommunityNickname"] = draft["CommunityNickname"] or draft["Alias"]


def _opportunity(draft: Draft) -> None:
    if draft.creating or "StageName" in draft.given:
        _enter_stage(draft, _STAGES.get(str(draft["StageName"]), _UNKNOWN_STAGE))
    forecast = str(draft["ForecastCategoryName"] or "Pipeline")
    draft.after["ForecastCategory"] = _FORECASTS.get(forecast, forecast)
    amount, probability = draft.number("Amount"), draft.number("Probability")
    draft.put_number("ExpectedRevenue", None if amount is None else amount * (probability or 0) / 100)
    closing = date.fromisoformat(str(draft["CloseDate"]))
    quarter = (closing.month - 1) // _MONTHS_A_QUARTER + 1
    draft.after["FiscalYear"] = closing.year
    draft.after["FiscalQuarter"] = quarter
    draft.after["Fiscal"] = f"{closing.year} {quarter}"


def _enter_stage(draft: Draft, stage: _Stage) -> None:
    if "Probability" not in draft.given:
        draft.put_number("Probability", Decimal(stage.probability))
    if "ForecastCategoryName" not in draft.given:
        draft.after["ForecastCategoryName"] = stage.forecast
    draft.after["IsClosed"] = int(stage.closed)
    draft.after["IsWon"] = int(stage.won)
    if not draft.creating and draft.before.get("StageName") != draft["StageName"]:
        draft.after["LastStageChangeDate"] = draft.now


def _case(draft: Draft) -> None:
    _close(draft, closed=draft["Status"] == "Closed", moment="ClosedDate")


def _task(draft: Draft) -> None:
    draft.after["IsHighPriority"] = int(draft["Priority"] == "High")
    _close(draft, closed=draft["Status"] == "Completed", moment="CompletedDateTime")
    _join_account(draft)


def _close(draft: Draft, *, closed: bool, moment: str) -> None:
    if closed and not draft.before.get("IsClosed"):
        draft.after[moment] = draft.now
    if not closed:
        draft.after[moment] = None
    draft.after["IsClosed"] = int(closed)


def _join_account(draft: Draft) -> None:
    related = draft["WhatId"] or draft["WhoId"]
    draft.after["AccountId"] = draft.account_of(str(related)) if related else None


def _event(draft: Draft) -> None:
    start = _start(draft)
    minutes = _minutes(draft, start)
    missing = [name for name, value in (("DurationInMinutes", minutes), ("ActivityDateTime", start)) if value is None]
    if start is None or minutes is None:
        raise faults.required_missing(missing)
    if minutes < 0:
        raise faults.event_ends_early()
    end = start + timedelta(minutes=minutes)
    draft.after["StartDateTime"] = draft.after["ActivityDateTime"] = start.strftime(_DATETIME)
    draft.after["ActivityDate"] = start.date().isoformat()
    draft.after["EndDateTime"] = end.strftime(_DATETIME)
    draft.after["EndDate"] = end.date().isoformat()
    draft.after["DurationInMinutes"] = minutes
    _join_account(draft)


def _start(draft: Draft) -> datetime | None:
    if "ActivityDateTime" in draft.given and "StartDateTime" not in draft.given:
        moment = draft["ActivityDateTime"]
    else:
        moment = draft["StartDateTime"]
    if moment is None or (draft["IsAllDayEvent"] and "ActivityDate" in draft.given):
        day = draft["ActivityDate"]
        moment = f"{day}T00:00:00.000+0000" if day and draft["IsAllDayEvent"] else None
    return datetime.strptime(str(moment), "%Y-%m-%dT%H:%M:%S.%f%z") if moment else None


def _minutes(draft: Draft, start: datetime | None) -> int | None:
    end, minutes = draft["EndDateTime"], draft["DurationInMinutes"]
    if start is not None and end is not None and ("EndDateTime" in draft.given or minutes is None):
        finish = datetime.strptime(str(end), "%Y-%m-%dT%H:%M:%S.%f%z")
        return int((finish - start).total_seconds() // 60)
    if minutes is None and draft["IsAllDayEvent"]:
        return _DAY_MINUTES
    return None if minutes is None else int(minutes)


DERIVATIONS: Mapping[str, Derivation] = {
    "Account": Derivation((), _picture),
    "Contact": Derivation(("FirstName", "LastName"), _pictured_person),
    "Lead": Derivation(("FirstName", "LastName"), _pictured_person),
    "User": Derivation(("FirstName", "LastName"), _user),
    "Opportunity": Derivation(
        ("StageName", "Probability", "Amount", "CloseDate", "ForecastCategoryName"), _opportunity
    ),
    "Case": Derivation(("Status", "IsClosed"), _case),
    "Task": Derivation(("Status", "Priority", "WhatId", "WhoId", "IsClosed"), _task),
    "Event": Derivation(
        (
            "StartDateTime",
            "ActivityDateTime",
            "ActivityDate",
            "EndDateTime",
            "DurationInMinutes",
            "IsAllDayEvent",
            "WhatId",
            "WhoId",
        ),
        _event,
    ),
}
"""The derivations, by canonical name of the sObject."""
