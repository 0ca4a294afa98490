"""A small world of rows to query, written straight into the tables."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from service.emulator import ids
from service.emulator.decimals import scaled
from service.emulator.engine import QueryResult, run
from service.emulator.faults import SalesforceFault
from service.emulator.schema import Field, Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.store import Store
from service.emulator.values import places

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
SCHEMA = Schema(STANDARD_OBJECTS)


class World:
    """Rows of the standard objects, and queries over them."""

    def __init__(self) -> None:
        self.store = Store(SCHEMA)
        self.now = NOW
        self._counter = 0

    def add(self, sobject: str, **values: object) -> str:
        """Write a row as it stands and return its id; checks of the emulator's writes do not apply."""
        known = SCHEMA.sobject(sobject)
        assert known is not None
        self._counter += 1
        row: dict[str, object] = {"Id": ids.from_counter(known.key_prefix, self._counter)}
        row |= {name: _stored(known.field(name), value) for name, value in values.items()}
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        self.store.connection.execute(f'INSERT INTO "{sobject}" ({columns}) VALUES ({marks})', tuple(row.values()))
        return str(row["Id"])

    def run(self, soql: str, **options: Any) -> QueryResult:
        return run(self.store.connection, SCHEMA, soql, now=self.now, **options)

    def rows(self, soql: str, **options: Any) -> list[dict[str, Any]]:
        """Return records without their attributes."""
        return [_bare(row) for row in self.run(soql, **options).rows]

    def column(self, soql: str, **options: Any) -> list[Any]:
        """Return the only field of each record."""
        return [next(iter(row.values())) for row in self.rows(soql, **options)]

    def fault(self, soql: str) -> SalesforceFault:
        with pytest.raises(SalesforceFault) as caught:
            self.run(soql)
        return caught.value


def _stored(field: Field | None, value: object) -> object:
    return scaled(Decimal(str(value)), places(field)) if field and isinstance(value, float | Decimal) else value


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items() if key != "attributes"}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return value


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()
