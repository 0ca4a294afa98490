"""What is wrong with a row of CSV, told with its number and what to do about it."""

import contextlib
import csv
import re
from io import StringIO

from service.bulk.data.columns import MAX_CELL_CHARACTERS
from service.bulk.data.dialect import Delimiter, LineEnd
from service.bulk.data.kinds import other_kind
from service.errors import InvalidData

# What the reader says, by the words it uses, and what the caller can do about it.
_REMEDIES = {
    "unexpected end of data": "a double quote is opened and never closed",
    "field larger": f"a cell has more than {MAX_CELL_CHARACTERS:,} characters, or a double quote is never closed",
    "new-line character": "a carriage return stands outside quotes; end rows with LF or CRLF",
    "expected after": "text follows a closing quote; double the quotes within a quoted cell",
}
_NAMES = {LineEnd.LF: "a line feed alone", LineEnd.CRLF: "a carriage return and a line feed"}


def record_pattern(delimiter: Delimiter) -> re.Pattern[str]:
    """Return what a whole record looks like, its line end among it."""
    between = re.escape(delimiter.text)
    cell = rf'(?:"(?:[^"]|"")*+"|[^"{between}\r\n]*+)'
    return re.compile(rf"{cell}(?:{between}{cell})*+\r?\n")


def place(row: int) -> str:
    """Return how a row is called; 0 is the header."""
    return f"row {row}" if row else "the header"


def at_line(error: InvalidData, line: int) -> InvalidData:
    """Return the error of a row with the line of the data, from 1, that the row begins on."""
    row = place(error.row)
    told = f"{row} (line {line})"
    message = error.message.replace(row, told, 1) if row in error.message else f"{told}: {error.message}"
    return InvalidData(message, row=error.row, metadata=error.metadata)


def check_kind(begin: bytes, row: int) -> None:
    """Refuse data that is no text.

    Args:
        begin: Its first bytes.
        row: What the data begins with: 0 for a header, 1 for a row.

    Raises:
        InvalidData: It is something else.

    """
    if kind := other_kind(begin):
        raise InvalidData(f"the data is {kind}", row=row)


def decode(block: bytes, row: int, *, quoted: bool = True) -> str:
    """Return the text of some records.

    Args:
        block: Whole records.
        row: Number of the first one; 0 is the header.
        quoted: Whether line ends within double quotes end no record.

    Raises:
        InvalidData: It is not UTF-8, or holds a NUL character.

    """
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        at = _row_at(block[: error.start], row, quoted=quoted)
        raise InvalidData(f"{place(at)} is not UTF-8; save the data as UTF-8", row=at) from None
    if "\0" in text:
        at = _row_at(block[: block.index(b"\0")], row, quoted=quoted)
        raise InvalidData(f"{place(at)} holds a NUL character, which no field can store", row=at)
    return text


def stray_quote(row: int) -> InvalidData:
    """Return the error of a quote in the middle of a cell."""
    return InvalidData(
        f"{place(row)}: a double quote stands in a cell without quotes; put the cell in quotes and double it", row=row
    )


def wrong_width(found: int, expected: int, row: int) -> InvalidData:
    """Return the error of a row with too many cells or too few."""
    return InvalidData(
        f"row {row} has {found} cells and the header {expected}; a cell with a delimiter in it needs double quotes",
        row=row,
        metadata={"expected": str(expected), "found": str(found)},
    )


def wrong_line_end(expected: LineEnd, row: int) -> InvalidData:
    """Return the error of a row that ends otherwise than the caller said."""
    return InvalidData(
        f"{place(row)} does not end with {_NAMES[expected]}, as the header says; name the line end that the data has, "
        "or none",
        row=row,
    )


def unreadable(error: csv.Error, row: int) -> InvalidData:
    """Return the error of a row that is no CSV."""
    words = str(error)
    remedy = next((text for part, text in _REMEDIES.items() if part in words), "it is not CSV")
    return InvalidData(f"{place(row)}: {remedy}", row=row)


def _row_at(before: bytes, row: int, *, quoted: bool) -> int:
    """Return the number of the row that follows some bytes of a block."""
    whole = before[: before.rfind(b"\n") + 1].decode(errors="replace").replace("\0", "")
    if not quoted:
        return row + sum(bool(line.strip()) for line in whole.split("\n"))
    records = -(whole.count('"') % 2)
    # What cannot be read is not counted: the row is then the one that is at fault twice.
    with contextlib.suppress(csv.Error):
        for cells in csv.reader(StringIO(whole, newline="\n")):
            records += bool(cells)
    return row + records
