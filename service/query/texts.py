"""Values whose type nobody described, as text."""

from collections.abc import Sequence

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce.answers import UNREADABLE

_QUOTE = ord('"')
_NULL = b"null"
_all_texts = msgspec.json.Decoder(list[str | None])
_text = msgspec.json.Decoder(str)


def to_texts(values: Sequence[msgspec.Raw | None]) -> list[str | None]:
    """Return texts as they are and everything else as its JSON: a number with the digits that Salesforce wrote.

    Args:
        values: The JSON of each; None and JSON's null are null.

    Raises:
        UpstreamProtocolError: One of them is no JSON.

    """
    pieces = [_NULL if value is None else bytes(value) for value in values]
    try:
        # Nearly always there is nothing but text, which is decoded at once.
        return _all_texts.decode(b"[" + b",".join(pieces) + b"]")
    except msgspec.ValidationError:
        pass  # There is something else, so that each is looked at.
    except UNREADABLE as error:
        raise _unreadable() from error
    try:
        return [_to_text(piece) for piece in pieces]
    except UNREADABLE as error:
        raise _unreadable() from error


def _to_text(piece: bytes) -> str | None:
    if piece[0] == _QUOTE:
        return _text.decode(piece)
    return None if piece == _NULL else piece.decode()


def _unreadable() -> UpstreamProtocolError:
    return UpstreamProtocolError("a value of the result is no JSON")
