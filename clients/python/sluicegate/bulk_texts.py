"""Values of a bulk load's rows as the text that Salesforce's CSV has of them, and what it calls lookups."""

import base64
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite

from sluicegate.values import Reference


def lookup_key(key: str, reference: Reference) -> str:
    """Name a lookup without its external-id field: `Account`, and `Lead:Who` where the sObject is said.

    Source: the contract's `BulkColumn.field`.
    """
    return f"{reference.object}:{key}" if reference.object else key


def text_of(value: object) -> str:  # noqa: C901 - one line for each type
    """Write a value, other than null, as a cell.

    Raises:
        TypeError: It is none that a bulk load takes.
        ValueError: It is a number that is not finite.

    """
    match value:
        case str():
            return str.__str__(value)
        case bool():
            return "true" if value else "false"
        case int():
            return int.__repr__(value)
        case float() if isfinite(value):
            return f"{Decimal(float.__repr__(value)):f}".removesuffix(".0")
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case float() | Decimal():
            raise ValueError(f"{value} is no number that Salesforce stores; None writes null")
        case datetime() if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone; give it one")
        case datetime() | date():
            return value.isoformat()
        case time() if value.tzinfo is None:
            return f"{value.isoformat('milliseconds')}Z"
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{value!r:.80} is no value that a bulk load takes")
