"""Record ids: 15 characters that tell case apart, or 18 that also do without (Salesforce Help, "Record ID")."""

import re

from service.errors import FieldViolation, InvalidRequest

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = 15
_CAPITALS = {code: "1" if chr(code).isupper() else "0" for code in range(128)}
_BLOCK = 5
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def to_18(record_id: str) -> str:
    """Return the 18-character form of an id.

    The last three characters of the long form tell which of the others are capitals. So an id whose case was lost on
    its way, in a spreadsheet or a host name, still names its record, and a mistyped one is found out.

    Args:
        record_id: 15 characters, or 18 in their own case, all lower or all upper.

    Raises:
        ValueError: The last three characters do not belong to the others.

    """
    short, suffix = record_id[:_SHORT], record_id[_SHORT:]
    expected = _suffix(short)
    if not suffix or suffix == expected:
        return short + expected
    if record_id in {record_id.lower(), record_id.upper()}:
        restored = _with_case(short, suffix.upper())
        if _suffix(restored) == suffix.upper():
            return restored + suffix.upper()
    raise ValueError("the last three characters do not belong to the others")


def answered_id(record_id: str) -> str:
    """Return an id of one of Salesforce's answers as 18 characters.

    Answers carry the long form, whose last three characters need no second look.

    Args:
        record_id: 15 or 18 letters and digits.

    """
    return record_id if len(record_id) > _SHORT else to_18(record_id)


def long_id(record_id: str, path: str) -> str:
    """Return the 18-character form of an id that a caller gave.

    Args:
        record_id: Anything.
        path: The request's field that holds it, for example `record.id`.

    Raises:
        InvalidRequest: It is no record's id.

    """
    try:
        if _ID.fullmatch(record_id):
            return to_18(record_id)
        problem = "is no record's id: give its 15 or 18 letters and digits"
    except ValueError as error:
        problem = f"is no record's id: {error}"
    raise InvalidRequest(f"{path} {problem}", violations=[FieldViolation(path, problem)])


def _suffix(short: str) -> str:
    """Return the three characters that say which of the fifteen are capitals."""
    # Backwards, because the first character of a block is its lowest bit.
    bits = short.translate(_CAPITALS)[::-1]
    return _ALPHABET[int(bits[10:], 2)] + _ALPHABET[int(bits[5:10], 2)] + _ALPHABET[int(bits[:5], 2)]


def _with_case(short: str, suffix: str) -> str:
    bits = [_ALPHABET.find(suffix[index // _BLOCK]) >> index % _BLOCK & 1 for index in range(_SHORT)]
    return "".join(char.upper() if bit else char.lower() for char, bit in zip(short, bits, strict=True))
