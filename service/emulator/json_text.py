"""JSON as Salesforce writes and reads it."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson

from service.emulator.faults import unparsable

_INDENT = "  "
_exact = msgspec.json.Decoder(float_hook=Decimal)


def render(value: object, *, pretty: bool = False) -> bytes:
    """Write JSON.

    Args:
        value: JSON made of dicts with string keys, lists, strings, numbers, decimals, booleans and None.
        pretty: Lay it out as Salesforce does for `X-PrettyPrint: 1`.

    """
    return _pretty(value, "").encode() if pretty else orjson.dumps(value, default=_decimal)


def parse_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; numbers with a point or an exponent come as decimals with all their digits.

    Args:
        body: UTF-8.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR with line and column; texts vary between releases.

    """
    value = parse_exactly(body)
    if not isinstance(value, dict):
        raise unparsable("The Json is not deserializable: an object is expected at [line:1, column:1]")
    return value


def parse_exactly(body: bytes) -> object:
    """Read any JSON; numbers with a point or an exponent come as decimals with all their digits.

    Args:
        body: UTF-8.

    Raises:
        SalesforceFault: As `parse_object`.

    """
    try:
        return _exact.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError, RecursionError):
        parse(body)  # says what is wrong, and where
        raise unparsable("The Json is not deserializable") from None


def parse(body: bytes) -> object:
    """Read any JSON, as code that knows nothing of decimals takes it.

    Args:
        body: UTF-8.

    Raises:
        SalesforceFault: As `parse_object`.

    """
    if not body.strip():
        raise unparsable("No content to map to Object due to end of input")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unparsable(f"{error.msg} at [line:{error.lineno}, column:{error.colno}]") from None


def _pretty(value: object, margin: str) -> str:
    inner = margin + _INDENT
    if isinstance(value, dict):
        if not value:
            return "{ }"
        members = [f"{inner}{_scalar(key)} : {_pretty(member, inner)}" for key, member in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if isinstance(value, list | tuple):
        # Jackson keeps the items of an array on the bracket's line and indents only their members.
        return "[ " + ", ".join(_pretty(item, margin) for item in value) + " ]" if value else "[ ]"
    return _scalar(value)


def _scalar(value: object) -> str:
    return orjson.dumps(value, default=_decimal).decode()


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is no JSON")
