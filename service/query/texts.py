"""Values that travel as text though their JSON may be none: those that nobody described, and long numbers."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce.answers import UNREADABLE

_QUOTE = ord('"')
_NULL = b"null"
_PLAIN = b"0123456789.,-"
_MOST_PLACES = 400
"""More digits than any number has that Salesforce keeps: its largest are doubles, of up to 309."""
_all_texts = msgspec.json.Decoder(list[str | None])
_text = msgspec.json.Decoder(str)


def to_texts(values: Sequence[msgspec.Raw | None]) -> list[str | None]:
    """Return texts as they are and everything else as its JSON: a number with the digits that Salesforce wrote.

    Args:
        values: The JSON of each; None and JSON's null are null.

    Raises:
        UpstreamProtocolError: One of them is not even text.

    """
    joined = _joined(values)
    try:
        # Nearly always there is nothing but text, which is decoded at once.
        return _all_texts.decode(b"[" + joined + b"]")
    except msgspec.ValidationError:
        return _each(values, _to_text)
    except UNREADABLE as error:
        raise _unreadable() from error


def to_decimals(values: Sequence[msgspec.Raw | None]) -> list[str | None]:
    """Return numbers digit for digit, without exponents.

    Args:
        values: The JSON of each; None and JSON's null are null.

    Raises:
        UpstreamProtocolError: One of them is no number, or one of more digits than Salesforce keeps.

    """
    joined = _joined(values)
    others = joined.translate(None, _PLAIN)
    if not values or others.replace(_NULL, b""):
        return _each(values, _to_decimal)
    numbers: list[str | None] = list(joined.decode("ascii").split(","))
    return [None if number == "null" else number for number in numbers] if others else numbers


def _joined(values: Sequence[msgspec.Raw | None]) -> bytes:
    try:
        # All of them stand in every record, unless they are a parent's that some records do not have.
        return b",".join(values)  # type: ignore[arg-type] # of which it tells
    except TypeError:
        return b",".join([_NULL if value is None else value for value in values])


def _each(values: Sequence[msgspec.Raw | None], convert: Callable[[bytes], str | None]) -> list[str | None]:
    try:
        return [None if value is None else convert(bytes(value)) for value in values]
    except (*UNREADABLE, InvalidOperation) as error:
        raise _unreadable() from error


def _to_text(piece: bytes) -> str | None:
    if piece[0] == _QUOTE:
        return _text.decode(piece)
    return None if piece == _NULL else piece.decode()


def _to_decimal(piece: bytes) -> str | None:
    if piece == _NULL:
        return None
    number = Decimal(piece.decode())
    if abs(number.adjusted()) > _MOST_PLACES:
        # Written out it could be as long as memory.
        raise _unreadable()
    return format(number, "f")


def _unreadable() -> UpstreamProtocolError:
    return UpstreamProtocolError("a value of the result does not fit the description of its field")
