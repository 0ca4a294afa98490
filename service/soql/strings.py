r"""String literals of SOQL: decoding what stands between the quotes, and printing it again.

Source of the escapes: SOQL and SOSL Reference, "Quoted String Escape Sequences": `\n \r \t \b \f \" \' \\ \uXXXX`,
and `\_ \%` in LIKE only. Any other backslash is an error.
"""

import re

MAX_STRING = 4_000
"""Greatest number of characters of one string (SOQL and SOSL Reference, "SOQL Limits")."""

_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_CODES = {value: f"\\{letter}" for letter, value in _SIMPLE.items()}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_SPECIAL = re.compile(r"[\x00-\x1f\x7f\"'\\\u2028\u2029]")
_STRAY_BACKSLASH = re.compile(r"\\([\\%_])|\\")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class BadEscape(ValueError):
    """A backslash sequence that SOQL does not know.

    Args:
        sequence: The sequence with its backslash.
        offset: Where it starts, from 0, counted from the first character inside the quotes.

    """

    def __init__(self, sequence: str, offset: int) -> None:
        super().__init__(f"{sequence} is not an escape sequence of SOQL")
        self.sequence = sequence
        self.offset = offset


def decode(body: str) -> str:
    r"""Turn the text between the quotes into the characters it means.

    Args:
        body: The literal without its quotes.

    Raises:
        BadEscape: A backslash stands before something SOQL does not know; `\_` and `\%` belong to LIKE only.

    """
    return _decode(body, {}) if "\\" in body else body


def decode_pattern(body: str) -> str:
    r"""Turn the text between the quotes of a LIKE into a pattern, in which `\\`, `\%` and `\_` stay escaped.

    Raises:
        BadEscape: As for `decode`.

    """
    return _decode(body, {"_": "\\_", "%": "\\%", "\\": "\\\\"}) if "\\" in body else body


def encode(text: str) -> str:
    """Print text as a literal with its quotes; `decode` of the inside gives the text back."""
    return "'" + _SPECIAL.sub(_code, text) + "'"


def encode_pattern(pattern: str) -> str:
    r"""Print a pattern as a literal with its quotes: its own `\%` and `\_` and `\\` stay as they are."""
    parts = re.split(r"(\\[\\%_])", pattern)
    return "'" + "".join(part if index % 2 else _SPECIAL.sub(_code, part) for index, part in enumerate(parts)) + "'"


def normalize_pattern(text: str) -> str:
    r"""Double every backslash that escapes nothing, so that `C:\dir%` means what it looks like."""
    return _STRAY_BACKSLASH.sub(lambda match: match[0] if match[1] else "\\\\", text)


def unsendable(text: str) -> str | None:
    """Say why text can stand in no query at all: a NUL character or half a surrogate pair; None when it can."""
    if "\x00" in text:
        return "holds a NUL character"
    if _SURROGATE.search(text):
        return "holds half of a surrogate pair"
    return None


def _decode(body: str, kept: dict[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        meaning = kept.get(match[2]) or _SIMPLE.get(match[2])
        if meaning is None:
            raise BadEscape(match[0], match.start())
        return meaning

    text = _ESCAPE.sub(replace, body)
    # Java, and so Salesforce, spells characters beyond U+FFFF as two \\u escapes.
    return _PAIR.sub(lambda match: match[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _code(match: re.Match[str]) -> str:
    character = match[0]
    return _CODES.get(character) or f"\\u{ord(character):04X}"
