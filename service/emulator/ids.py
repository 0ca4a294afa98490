"""Record ids: 15 characters that tell case apart, 18 that carry a checksum of the case.

Source: Salesforce, "ID Field Type"; the checksum was checked against ids of the official samples.
"""

import re
from functools import lru_cache

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_SHORT = 15
_BLOCK = 5
_KEPT_BLOCKS = 4096
_PREFIX = 3
_WELL_FORMED = re.compile(r"[0-9A-Za-z]{15}(?:[A-Za-z0-5]{3})?", re.ASCII)

DEFAULT_POD = "D0"
"""The two characters behind the key prefix when nothing says which instance made the id."""


def checksum(short: str) -> str:
    """Return the three characters that make an id of 15 one of 18.

    Args:
        short: 15 characters. Each block of five gives one character: bit j tells whether
            character j is a capital.

    """
    return _of_block(short[:5]) + _of_block(short[5:10]) + _of_block(short[10:])


@lru_cache(maxsize=_KEPT_BLOCKS)
def _of_block(block: str) -> str:
    """Return the character of five; the first two blocks of an id are those of many others."""
    bits = 0
    for position, character in enumerate(block):
        if "A" <= character <= "Z":
            bits |= 1 << position
    return _SUFFIX[bits]


def normalise(text: str) -> str | None:
    """Return the 18-character form of an id, or None when the text is none.

    An id of 18 characters may have lost its case; the checksum gives it back. One whose checksum
    fits no spelling is refused.

    """
    if _WELL_FORMED.fullmatch(text) is None:
        return None
    if len(text) == _SHORT:
        return text + checksum(text)
    short, suffix = text[:_SHORT], text[_SHORT:].upper()
    if checksum(short) == suffix:
        return short + suffix
    restored = _restore_case(short, suffix)
    return restored + suffix if checksum(restored) == suffix else None


def from_counter(prefix: str, counter: int, pod: str = DEFAULT_POD) -> str:
    """Return the 18-character id of a counter.

    Ids of one prefix and pod sort as their counters do, by code point.

    Args:
        prefix: The three characters of the sObject.
        counter: From 0; up to 62 to the power of ten.
        pod: Two characters of the instance.

    """
    body = ""
    rest = counter
    while rest:
        rest, digit = divmod(rest, len(_DIGITS))
        body = _DIGITS[digit] + body
    short = f"{prefix}{pod}{body:0>10}"
    return short + checksum(short)


def counter_of(record_id: str) -> int:
    """Return the counter an id of `from_counter` was made from.

    Args:
        record_id: 15 or 18 characters.

    """
    counter = 0
    for character in record_id[_PREFIX + len(DEFAULT_POD) : _SHORT]:
        counter = counter * len(_DIGITS) + _VALUES[character]
    return counter


def _restore_case(short: str, suffix: str) -> str:
    characters = []
    for index, character in enumerate(short):
        bits = _SUFFIX.index(suffix[index // _BLOCK])
        capital = bits >> (index % _BLOCK) & 1
        characters.append(character.upper() if capital else character.lower())
    return "".join(characters)
