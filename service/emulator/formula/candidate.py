"""A row about to be written, as formulas and predicates see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from service.emulator.decimals import unscaled
from service.emulator.schema.model import Field, SObject
from service.emulator.values import Stored, places

Value = str | Decimal | bool | date | datetime | None
"""What a field or a formula yields; text, number, checkbox, date, or moment in UTC."""
Fetch = Callable[[SObject, str], Mapping[str, Stored] | None]
"""Reads a row by its 18-character id."""

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row as it will be, and as it was.

    Reading a field of a parent runs a query, so that rules pay for what they look at.
    """

    sobject: SObject
    after: Mapping[str, Stored]
    """Every stored field by canonical name."""
    before: Mapping[str, Stored] | None
    """The row so far; None for a create."""
    now: datetime
    """The moment of the write, aware."""
    fetch: Fetch
    parents: Callable[[str], SObject | None]
    """Finds an sObject by name."""

    @property
    def is_new(self) -> bool:
        """Tell whether the row is being created."""
        return self.before is None

    def __getitem__(self, name: str) -> Value:
        """Return the value a field will have; dates as `date`, moments as `datetime`, no text as None.

        Raises:
            KeyError: The sObject has no such field.

        """
        field = self._field(name)
        return typed(field, self.after.get(field.name))

    def prior(self, name: str) -> Value:
        """Return the value a field had; for a create the one it will have (Salesforce's PRIORVALUE).

        Raises:
            KeyError: The sObject has no such field.

        """
        field = self._field(name)
        return typed(field, (self.after if self.before is None else self.before).get(field.name))

    def changed(self, name: str) -> bool:
        """Tell whether an update changes a field; false for a create.

        Raises:
            KeyError: The sObject has no such field.

        """
        field = self._field(name)
        return self.before is not None and self.before.get(field.name) != self.after.get(field.name)

    def parent(self, relationship: str) -> "Candidate | None":
        """Return the record a reference points at, or None when it points nowhere.

        Raises:
            KeyError: There is no such relationship, or several sObjects may be at its end.

        """
        field = self.sobject.relationship(relationship)
        sobject = self.parents(field.reference_to[0]) if field and len(field.reference_to) == 1 else None
        if field is None or sobject is None:
            raise KeyError(relationship)
        record_id = self.after.get(field.name)
        row = self.fetch(sobject, str(record_id)) if record_id else None
        return None if row is None else Candidate(sobject, row, row, self.now, self.fetch, self.parents)

    def _field(self, name: str) -> Field:
        field = self.sobject.field(name)
        if field is None:
            raise KeyError(name)
        return field


Predicate = Callable[[Candidate], bool]
"""Says of a row whether it is bad."""


def typed(field: Field, stored: Stored) -> Value:
    """Return a stored value in Python's own type."""
    if stored is None:
        return None
    if field.type == "boolean":
        return bool(stored)
    if field.type in _NUMBERS:
        return unscaled(int(stored), places(field))
    if field.type == "date":
        return date.fromisoformat(str(stored))
    if field.type == "datetime":
        return datetime.strptime(str(stored), "%Y-%m-%dT%H:%M:%S.%f%z")
    return str(stored)
