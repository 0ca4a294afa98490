"""What the columns of a query's result are: their names, their types and where their values stand."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from service.salesforce.answers import Int64
from service.salesforce.calls.describe import Field

_EXACT_DOUBLE_DIGITS = 15
"""A binary double holds every decimal number of up to 15 digits."""


class ColumnType(Enum):
    """What a column holds; the names are those of the contract."""

    STRING = str
    INT64 = int
    DOUBLE = float
    DECIMAL = Decimal
    BOOL = bool
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    BYTES = "bytes"
    """Bytes; by REST those of the path that leads to the content."""
    STRINGS = "strings"
    """The entries of a multi-select picklist."""
    BATCHES = "batches"
    """The records of a child subquery."""

    @property
    def decoded(self) -> Any:
        """The Python type that a value is decoded to; BATCHES have none of their own."""
        if self is ColumnType.INT64:
            return Int64
        return self.value if isinstance(self.value, type) else str


_TYPES = {
    "boolean": ColumnType.BOOL,
    "int": ColumnType.INT64,
    "long": ColumnType.INT64,
    "date": ColumnType.DATE,
    "datetime": ColumnType.DATETIME,
    "time": ColumnType.TIME,
    "base64": ColumnType.BYTES,
    "multipicklist": ColumnType.STRINGS,
}
_NUMBERS = frozenset({"double", "currency", "percent"})
_TEXTS = frozenset(
    {
        "id", "string", "textarea", "email", "phone", "url", "picklist", "combobox", "reference", "encryptedstring",
        "datacategorygroupreference",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column: its name, its type and where its value stands in a record's JSON."""

    name: str
    type: ColumnType
    keys: tuple[str, ...]
    is_described: bool = True
    """False for a value whose type only its record knows, as those of polymorphic parents: anything may come, and the
    column holds it as text."""
    sure_keys: int | None = None
    """How many of the keys stand in every record: those behind are left out where the record has no such part. None
    where all of them do."""
    children: tuple["ResultColumn", ...] = ()
    """Of BATCHES the columns of the children."""


def type_of(field: Field) -> ColumnType:
    """Return the type of a field's column; what is not text and has no type is `ColumnType.STRING` as well."""
    if field.type in _NUMBERS:
        return ColumnType.DOUBLE if field.precision <= _EXACT_DOUBLE_DIGITS else ColumnType.DECIMAL
    return _TYPES.get(field.type, ColumnType.STRING)


def is_described(field: Field) -> bool:
    """Tell whether a field's description says what its values are; that of `anyType` does not."""
    return field.type in _NUMBERS or field.type in _TYPES or field.type in _TEXTS
