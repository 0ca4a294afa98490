"""How CSV is written: what stands between cells and what ends a row, named by the caller or found in the header.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Create a Job" (`columnDelimiter`, `lineEnding`).
"""

from dataclasses import dataclass
from enum import Enum

_QUOTE = b'"'


class Delimiter(Enum):
    """What stands between two cells; the names are Salesforce's."""

    COMMA = b","
    TAB = b"\t"
    SEMICOLON = b";"
    PIPE = b"|"
    CARET = b"^"
    BACKQUOTE = b"`"

    def __init__(self, character: bytes) -> None:
        self.text = character.decode()
        """The character."""


class LineEnd(Enum):
    """What ends a row outside double quotes; the names are Salesforce's."""

    LF = b"\n"
    CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the caller's CSV is written. It is uploaded with the same delimiter and always with LF."""

    delimiter: Delimiter | None = None
    """None finds it in the header: the one that stands there most often outside quotes, a comma if none does."""
    line_end: LineEnd | None = None
    """None takes both, even mixed; a named one refuses the other."""

    def delimiter_of(self, header: bytes) -> Delimiter:
        """Return the delimiter that is named, or the one that a header is written with.

        Args:
            header: The header record.

        """
        if self.delimiter is not None:
            return self.delimiter
        outside = b"".join(header.split(_QUOTE)[::2])
        # The first of several that are as frequent: the order in which they are listed is that of their use.
        return max(Delimiter, key=lambda each: outside.count(each.value))
