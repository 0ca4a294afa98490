"""When two external ids are the same to Salesforce: a form of each that is equal whenever they are.

Equal forms of ids that differ only make one write wait for another; different forms of ids that are the same would
fail both (Salesforce REST API, "sObject Collections": a key that occurs twice in a call). So the forms go further than
Salesforce does wherever it is not documented how far it goes.
"""

import unicodedata
from decimal import ROUND_HALF_UP, Decimal

_NUMBER_STARTS = frozenset("0123456789+-.")
_NUMBER_CHARACTERS = "0123456789+-.e"
_MOST_ZEROS = 300
_LARGEST_EXPONENT = 25
_EXACT_DIGITS = 15
_LARGEST_DOUBLE = 300


def folded(text: str) -> str:
    """Return the form of an external id whose field may be of any type.

    Blanks around it are dropped and case is; characters that look alike in width or style are one; numbers are one
    however they are written.
    """
    if not text.isascii():
        text = _plain(text)
    text = text.strip().lower()
    return _same_number(text) if text[:1] in _NUMBER_STARTS else text


def folded_number(number: Decimal, scale: int) -> str:
    """Return the form of an external id that is a number.

    Args:
        number: The id.
        scale: Digits that its field keeps behind the point.

    """
    if number.adjusted() < _LARGEST_EXPONENT - scale:
        number = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if _EXACT_DIGITS <= number.adjusted() < _LARGEST_DOUBLE:
        # Salesforce describes its numbers as xsd:double; beyond 15 digits two of them may be one.
        number = Decimal(float(number))
    return _digits(number)


def to_number(text: str) -> Decimal | None:
    """Return the number that a text is to JSON and XML; None if it is none, or not finite."""
    text = text.strip()
    if not text.isascii() or "_" in text:
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _plain(text: str) -> str:
    # Capitals first: some small letters, the dotless i for one, meet another only among the capitals.
    text = unicodedata.normalize("NFKC", text).upper().casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _same_number(text: str) -> str:
    if text.isdigit() and text.isascii():
        return text if text[0] != "0" else text.lstrip("0") or "0"
    number = None if text.strip(_NUMBER_CHARACTERS) else to_number(text)
    return text if number is None else _digits(number)


def _digits(number: Decimal) -> str:
    sign, digits, exponent = number.as_tuple()
    written = "".join(map(str, digits)).lstrip("0")
    significant = written.rstrip("0")
    if not significant or not isinstance(exponent, int):
        return "0"
    exponent += len(written) - len(significant)
    minus = "-" if sign else ""
    if 0 <= exponent <= _MOST_ZEROS:
        return f"{minus}{significant}{'0' * exponent}"
    return f"{minus}{significant}e{exponent}"
