"""The cells of a bulk load as JSON has them: what a cell of CSV means to a job, written so that calls mean the same.

A job reads more forms of a value than JSON has. A cell is taken only where both surely mean the same; whatever else a
job might make of one is for a job to make.

Sources: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" (an empty cell leaves its field alone, but for a
checkbox of a record that is created, which it clears; `#N/A` is null; ISO dates; lookups by external id); Salesforce
REST API, "sObject Collections".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from service.bulk.data.mapping import NULL
from service.bulk.request import LoadRequest, Operation
from service.orgs.key_fields import key_field
from service.orgs.load_columns import lookup_field, parent_name, split_column
from service.salesforce.calls.describe import NUMBER_TYPES, SObject
from service.salesforce.calls.writes import JsonValue

Reader = Callable[[str], JsonValue]
"""Returns what a cell that is neither empty nor null means; raises `UnsureCellError`."""

_TEXTS = frozenset(
    {"string", "textarea", "phone", "url", "email", "picklist", "multipicklist", "combobox", "reference"}
)
_WHOLE = frozenset({"int", "long"})
_TRUTHS = {"true": True, "false": False}
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII)


class UnsureCellError(ValueError):
    """A cell, or a whole column, could mean something else to a job than to a call. Its text holds no value."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What a column sets."""

    name: str
    """As Salesforce spells it: a field, or a relationship."""
    field: str = ""
    """The field that is set."""
    read: Reader | None = None
    """None for a column that sets nothing, since it finds the record."""
    is_nullable: bool = False
    """Whether `#N/A` surely sets null."""
    is_doubtful: bool = False
    """Whether an empty cell may mean something else to a job than to leave the field alone."""


@dataclass(frozen=True, slots=True)
class Cells:
    """How the rows of a load become values."""

    targets: tuple[_Target, ...]
    """Of each column."""
    key: int
    """Which column finds the record."""

    def values(self, cells: Sequence[str]) -> dict[str, JsonValue]:
        """Return what a row sets. An empty cell sets nothing.

        Raises:
            UnsureCellError: A cell could mean something else to a job.

        """
        found: dict[str, JsonValue] = {}
        for target, cell in zip(self.targets, cells, strict=True):
            if target.read is None:
                continue
            if not cell:
                if target.is_doubtful:
                    raise UnsureCellError(f"{target.name} is empty, which clears a checkbox that is set by default")
                continue
            if cell == NULL and target.is_nullable:
                found[target.name] = None
                continue
            _check_text(target.name, cell)
            try:
                found[target.name] = target.read(cell)
            except ValueError as error:
                raise UnsureCellError(f"{target.name} is written in a form that only a job reads") from error
        return found

    def key_of(self, cells: Sequence[str]) -> str:
        """Return what finds a row's record.

        Raises:
            UnsureCellError: Nothing surely does.

        """
        cell = cells[self.key]
        _check_text(self.targets[self.key].name, cell)
        return cell


def _check_text(name: str, cell: str) -> None:
    text = cell.strip().upper()
    if not text or text == NULL or "\0" in cell:
        raise UnsureCellError(f"{name} is blank, or {NULL} where that may not be null")


def cells_of(request: LoadRequest, columns: Sequence[str], sobject: SObject, parents: Mapping[str, SObject]) -> Cells:
    """Return how rows become values.

    Args:
        request: The load; deletions read nothing but the id.
        columns: Salesforce's names of the columns.
        sobject: The description of what is loaded.
        parents: Those of what lookups by external id lead to, by name in lower case.

    Raises:
        UnsureCellError: A column could mean something else to a job.

    """
    wanted = request.needed_column.lower()
    key = next(place for place, name in enumerate(columns) if name.lower() == wanted)
    targets: list[_Target] = []
    for place, column in enumerate(columns):
        if place == key or request.operation is Operation.DELETE:
            targets.append(_Target(column))
            continue
        target = _target(column, sobject, parents, request.operation)
        if any(target.field == each.field for each in targets):
            raise UnsureCellError(f"two columns set {target.field}")
        targets.append(target)
    return Cells(tuple(targets), key)


def _target(column: str, sobject: SObject, parents: Mapping[str, SObject], operation: Operation) -> _Target:
    field = sobject.fields.get(column.lower())
    if field is None:
        return _lookup(column, sobject, parents)
    reader = _READERS.get(field.type)
    if reader is None:
        raise UnsureCellError(f"{column} is a field of type {field.type}")
    # A job creates records whose cell is empty with a checkbox that is not set; a call gives them the default.
    is_doubtful = field.set_on_create and operation is Operation.UPSERT
    return _Target(field.name, field.name, reader, field.type != "boolean", is_doubtful)


def _lookup(column: str, sobject: SObject, parents: Mapping[str, SObject]) -> _Target:
    named, relationship, key = split_column(column)
    field = lookup_field(sobject, relationship)
    parent = None if field is None else parents.get(parent_name(field, "").lower())
    if field is None or parent is None or named:
        raise UnsureCellError(f"{column} may lead to several objects")
    found = key_field(parent, key)
    if found is None or found.is_number:
        raise UnsureCellError(f"{column} finds no record by text")
    spelled = found.field.name
    return _Target(field.relationshipName or relationship, field.name, lambda cell: {spelled: cell})


def _text(cell: str) -> str:
    return cell


def _truth(cell: str) -> bool:
    found = _TRUTHS.get(cell.lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _whole_number(cell: str) -> int:
    return int(_formed(_WHOLE_NUMBER, cell))


def _number(cell: str) -> JsonValue:
    return Decimal(_formed(_NUMBER, cell))


def _day(cell: str) -> str:
    date.fromisoformat(_formed(_DAY, cell))
    return cell


def _moment(cell: str) -> str:
    datetime.fromisoformat(_formed(_MOMENT, cell))
    return cell


def _clock(cell: str) -> str:
    time.fromisoformat(_formed(_TIME, cell).removesuffix("Z"))
    return cell


def _formed(form: re.Pattern[str], cell: str) -> str:
    if form.fullmatch(cell) is None:
        raise ValueError("another form")
    return cell


_READERS: dict[str, Reader] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(NUMBER_TYPES, _number),
    **dict.fromkeys(_WHOLE, _whole_number),
    "boolean": _truth,
    "date": _day,
    "datetime": _moment,
    "time": _clock,
}
"""By type. Others, base64 and encrypted text for one, are for jobs."""
