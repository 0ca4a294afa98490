"""Rows as Salesforce's row resources show them: attributes first, then fields in canonical case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.emulator import faults, values
from service.emulator.plan import Plan
from service.emulator.references import References
from service.emulator.schema.model import Field, SObject
from service.emulator.store import Store, quoted
from service.emulator.values import Stored

_ADDRESS_PARTS = {
    "city": "City",
    "country": "Country",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "street": "Street",
}
"""Keys of an address in JSON, and what the part's field ends in."""


def address_parts(sobject: SObject, compound: Field) -> dict[str, Field]:
    """Return the fields an address is made of, by their key in the JSON of the address.

    Args:
        sobject: Holds the fields.
        compound: The field of type address, for example `BillingAddress`.

    """
    prefix = compound.name.removesuffix("Address")
    named = ((key, sobject.field(prefix + ending)) for key, ending in _ADDRESS_PARTS.items())
    return {key: field for key, field in named if field is not None}


def location_parts(sobject: SObject, compound: Field) -> dict[str, Field]:
    """Return the fields a location is made of, by their key in its JSON.

    Args:
        sobject: Holds the fields.
        compound: The field of type location: `Site__c` is made of `Site__Latitude__s` and `Site__Longitude__s`.

    """
    base = compound.name.removesuffix("c")
    named = ((part.lower(), sobject.field(f"{base}{part}__s")) for part in ("Latitude", "Longitude"))
    return {key: field for key, field in named if field is not None}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    sources: tuple[str, ...]
    build: Callable[[Sequence[Stored]], object]


class Reading:
    """Reads single rows of one org.

    Args:
        store: Where the rows are.
        references: Finds rows by id.

    """

    def __init__(self, store: Store, references: References) -> None:
        self._store = store
        self._references = references
        self._everything: dict[str, tuple[_Column, ...]] = {}

    def get(
        self, sobject: str, record_id: str, fields: Sequence[str] | None = None, *, api_version: str
    ) -> dict[str, object]:
        """Return one row; see `Org.get`."""
        plan = self._references.plan(sobject)
        columns = self._all(plan) if fields is None else self._some(plan, fields)
        key = self._references.present_id(plan, record_id)
        sources = ["Id", *(source for column in columns for source in column.sources)]
        selected = ", ".join(quoted(source) for source in sources)
        row = self._store.one(f'SELECT {selected} FROM {plan.table} WHERE "Id" = ?', (key,))  # noqa: S608
        url = f"/services/data/v{api_version}/sobjects/{plan.name}/{key}"
        record: dict[str, object] = {"attributes": {"type": plan.name, "url": url}}
        position = 1
        for column in columns:
            end = position + len(column.sources)
            record[column.name] = column.build((row or ())[position:end])
            position = end
        return record

    def _all(self, plan: Plan) -> tuple[_Column, ...]:
        columns = self._everything.get(plan.name)
        if columns is None:
            columns = tuple(_column(plan.sobject, field) for field in plan.sobject.fields)
            self._everything[plan.name] = columns
        return columns

    def _some(self, plan: Plan, names: Sequence[str]) -> tuple[_Column, ...]:
        columns = {}
        for name in names:
            field = plan.sobject.field(name)
            if field is None:
                raise faults.unknown_field(plan.name, name)
            columns[field.name] = _column(plan.sobject, field)
        return tuple(columns.values())


def _column(sobject: SObject, field: Field) -> _Column:
    if field.stored:
        render = values.renderer(field)

        def plain(stored: Sequence[Stored]) -> object:
            return render(stored[0]) if render is not None and stored[0] is not None else stored[0]

        return _Column(field.name, (field.name,), plain)
    parts = location_parts(sobject, field) if field.type == "location" else address_parts(sobject, field)
    renderers = {key: values.renderer(part) for key, part in parts.items()}

    def compound(stored: Sequence[Stored]) -> object:
        if all(value is None for value in stored):
            return None
        pairs = zip(renderers.items(), stored, strict=True)
        return {key: value if value is None or render is None else render(value) for (key, render), value in pairs}

    return _Column(field.name, tuple(part.name for part in parts.values()), compound)
