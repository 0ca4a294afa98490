"""Batches as Arrow's, with a type of Arrow for each type of column; imports pyarrow, which not all have installed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import time
from decimal import Context, Decimal, Inexact
from functools import reduce
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from sluicegate import Batch, ColumnDescription

from service.cli.query.writers import Unwritable

_DIGITS, _PLACES = 38, 18
"""Of decimals. A field's own number of places is no bound: formulas and programs write more of them. These take the 18
digits that Salesforce keeps wherever their point stands."""
_TYPES: Mapping[str, Any] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "decimal": pa.decimal128(_DIGITS, _PLACES),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("ms", "UTC"),
    "time": pa.time32("ms"),
    "bytes": pa.binary(),
    "strings": pa.list_(pa.string()),
}
Values = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Leaf:
    name: str
    """What it is called in Arrow."""
    column: ColumnDescription


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    members: "tuple[_Leaf | _Group, ...]"


class ArrowBatches:
    """Makes Arrow's batches of a result's.

    Columns with dots in their names are nested: `Account.Owner.Name` is the field `Name` of the struct `Owner` in the
    struct `Account`. A struct is null where all its fields are. Children are lists of structs.

    Args:
        columns: What the columns are.

    """

    def __init__(self, columns: Sequence[ColumnDescription]) -> None:
        self._entries = _arranged([(column.name.split("."), column) for column in columns])
        self.schema = pa.schema([pa.field(entry.name, _type(entry)) for entry in self._entries])
        """Names and types, the same for each batch."""
        self.rounded: Counter[str] = Counter()
        """How many values of each column had to be rounded."""

    def batch(self, batch: Batch) -> Any:
        """Return the rows of a batch; its decimals, dates and times come as text.

        Raises:
            Unwritable: A value does not fit the type of its column.

        """
        arrays = [self._array(entry, batch.columns) for entry in self._entries]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, entry: _Leaf | _Group, values: Values) -> Any:
        if isinstance(entry, _Leaf):
            return self._leaf(entry.column, values[entry.column.name])
        arrays = [self._array(member, values) for member in entry.members]
        nothing = reduce(pc.and_, map(pc.is_null, arrays))
        return pa.StructArray.from_arrays(arrays, fields=list(_type(entry)), mask=nothing)

    def _leaf(self, column: ColumnDescription, values: Sequence[Any]) -> Any:
        kind = _type(_Leaf(column.name, column))
        try:
            match column.type:
                case "batches":
                    return self._children(column, values)
                case "decimal":
                    return self._decimals(column, values)
                case "time":
                    # Salesforce writes `13:05:00.000Z`: the Z is no time zone, because a time of day has no instant.
                    return pa.array([value and time.fromisoformat(value.removesuffix("Z")) for value in values], kind)
                case "date" | "datetime":
                    return pa.array(values, pa.string()).cast(kind)
                case _:
                    return pa.array(values, kind)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise Unwritable(f"column {column.name} holds a value that no {kind} of Arrow is") from error

    def _children(self, column: ColumnDescription, values: Sequence[Any]) -> Any:
        rows = list(chain.from_iterable(values))
        inner = {child.name: [row[child.name] for row in rows] for child in column.children}
        entries = _arranged([(child.name.split("."), child) for child in column.children])
        arrays = [self._array(entry, inner) for entry in entries]
        structs = pa.StructArray.from_arrays(arrays, fields=[pa.field(entry.name, _type(entry)) for entry in entries])
        return pa.ListArray.from_arrays(pa.array([0, *accumulate(map(len, values))], pa.int32()), structs)

    def _decimals(self, column: ColumnDescription, values: Sequence[str | None]) -> Any:
        kind = _TYPES["decimal"]
        if max((len(value) for value in values if value), default=0) <= _DIGITS - _PLACES:
            with suppress(pa.ArrowInvalid):
                return pa.array(values, pa.string()).cast(kind)
        # Arrow wraps around in silence where a number has too many digits before its point.
        return pa.array([value and self._decimal(column, value) for value in values], kind)

    def _decimal(self, column: ColumnDescription, text: str) -> Decimal:
        """Round what has more places than the type. It happens to quotients that a formula has computed."""
        context = Context(prec=_DIGITS)
        number = Decimal(text).quantize(Decimal(1).scaleb(-_PLACES), context=context)
        if context.flags[Inexact]:
            self.rounded[column.name] += 1
        return number


def _arranged(columns: Sequence[tuple[list[str], ColumnDescription]]) -> tuple[_Leaf | _Group, ...]:
    """Return columns, those with a common first name in a group, in the order in which they come first."""
    by_name: dict[str, list[tuple[list[str], ColumnDescription]]] = {}
    for (name, *rest), column in columns:
        by_name.setdefault(name, []).append((rest, column))
    arranged: list[_Leaf | _Group] = []
    for name, members in by_name.items():
        if all(rest for rest, _ in members):
            arranged.append(_Group(name, _arranged(members)))
        else:
            # What is a value itself cannot be a struct too, should there ever be both.
            arranged += [_Leaf(".".join((name, *rest)), column) for rest, column in members]
    return tuple(arranged)


def _type(entry: _Leaf | _Group) -> Any:
    if isinstance(entry, _Group):
        return pa.struct([pa.field(member.name, _type(member)) for member in entry.members])
    column = entry.column
    if column.type != "batches":
        return _TYPES[column.type]
    children = _arranged([(child.name.split("."), child) for child in column.children])
    return pa.list_(pa.struct([pa.field(child.name, _type(child)) for child in children]))
