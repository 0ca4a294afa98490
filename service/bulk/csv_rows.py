"""The caller's CSV, read as it comes in and written the way Bulk API 2.0 takes it: UTF-8, LF, commas.

Sources: RFC 4180; Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files".
"""

import contextlib
import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO

from service import errors
from service.bulk.columns import MAX_CELL_CHARACTERS, check_header, check_lengths
from service.bulk.records import RecordBuffer
from service.bulk.rows import SEPARATOR, RowIndex, digest_of_joined

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CELL = r'(?:"(?:[^"]|"")*+"|[^",\r\n]*+)'
_RECORD = re.compile(rf"{_CELL}(?:,{_CELL})*+\r?\n")
_EMPTY_LINES = re.compile(r"\n\n+")
_QUOTED = re.compile(r'["\r\n]')
_SPECIAL = re.compile(r'[",\r\n]')

# What the reader says, by the words it uses, and what the caller can do about it.
_REMEDIES = {
    "unexpected end of data": "a double quote is opened and never closed",
    "field larger": f"a cell has more than {MAX_CELL_CHARACTERS:,} characters, or a double quote is never closed",
    "new-line character": "a carriage return stands outside quotes; end rows with LF or CRLF",
    "expected after": "text follows a closing quote; double the quotes within a quoted cell",
}


class CsvReader:
    """Reads CSV incrementally: `feed` every chunk, then `finish`.

    Lines that are empty are skipped and not counted. Rows pass through unchanged; only CRLF between rows becomes LF.
    Every error is `errors.InvalidData` with the row's number, after which the reader must not be used.
    """

    def __init__(self) -> None:
        self.columns: tuple[str, ...] = ()
        self.index = RowIndex()
        self._records = RecordBuffer(quoted=True)
        self._has_begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, cut anywhere, and return CSV for Salesforce, as far as whole rows are there.

        Raises:
            errors.InvalidData: A row cannot be read.

        """
        block = self._records.feed(chunk)
        if not block and self._records.overlong:
            return self._overlong()
        return self._read(block) if block else b""

    def finish(self) -> Iterator[bytes]:
        """Yield the rest of the CSV for Salesforce.

        Raises:
            errors.InvalidData: A row cannot be read, or there is no header.

        """
        block = self._records.finish()
        text = self._read(block) if block else b""
        if not self.columns:
            raise errors.InvalidData("the data is empty; begin with a header row of API field names", row=0)
        yield text

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, block: bytes) -> bytes:
        if not self._has_begun:
            block = block.removeprefix(_BYTE_ORDER_MARK)
            self._has_begun = True
        text = self._decode(block)
        if '"' not in text:
            text = text.replace("\r\n", "\n")
        header = ""
        if not self.columns:
            text = self._take_header(text)
            header = ",".join(self.columns) + "\n" if self.columns else ""
        return (header + self._take_rows(text)).encode()

    def _take_header(self, text: str) -> str:
        """Take the columns off the first record and return what follows it."""
        text = text.lstrip("\r\n")
        if not text:
            return ""
        lines = StringIO(text, newline="\n")
        try:
            self.columns = check_header(next(csv.reader(lines, strict=True)))
        except csv.Error as error:
            raise self._unreadable(error, 0) from None
        return lines.read()

    def _take_rows(self, text: str) -> str:
        if '"' in text or "\r" in text or SEPARATOR in text:
            return self._take_any_rows(text)
        if "\n\n" in text or text.startswith("\n"):
            text = _EMPTY_LINES.sub("\n", text).lstrip("\n")
        return self._take_plain_rows(text)

    def _take_plain_rows(self, text: str) -> str:
        """Take rows that hold nothing but cells and commas, without looking at single cells."""
        lines = text.split("\n")
        lines.pop()
        commas = len(self.columns) - 1
        for number, line in enumerate(lines, len(self.index) + 1):
            if line.count(",") != commas:
                raise self._wrong_width(line.count(",") + 1, number)
            if len(line) > MAX_CELL_CHARACTERS:
                check_lengths(line.split(","), row=number)
        self.index.add(map(digest_of_joined, text.replace(",", SEPARATOR).split("\n")[: len(lines)]))
        return text

    def _take_any_rows(self, text: str) -> str:
        """Take rows with quotes; rows are written anew only where line ends must change."""
        is_rewritten = "\r" in text or "\n\n" in text or text.startswith("\n")
        lines = list(StringIO(text, newline="\n"))
        reader = csv.reader(lines, strict=True)
        written: list[str] = []
        digests: list[int] = []
        first, start = len(self.index) + 1, 0
        try:
            for cells in reader:
                record, start = lines[start : reader.line_num], reader.line_num
                if not cells:
                    continue
                self._check(cells, record, first + len(digests))
                digests.append(digest_of_joined(SEPARATOR.join(cells)))
                if is_rewritten:
                    written.append(write_row(cells))
        except csv.Error as error:
            raise self._unreadable(error, first + len(digests)) from None
        self.index.add(digests)
        return "".join(written) if is_rewritten else text

    def _check(self, cells: list[str], record: Sequence[str], row: int) -> None:
        # A quote within a cell is rare enough to look at the whole record, and a stray one must not pass: Salesforce
        # would take it for the begin of a quoted cell.
        if any('"' in cell for cell in cells) and not _RECORD.fullmatch("".join(record)):
            raise errors.InvalidData(
                f"row {row}: a double quote stands in a cell without quotes; put the cell in quotes and double it",
                row=row,
            )
        if len(cells) != len(self.columns):
            raise self._wrong_width(len(cells), row)
        if sum(map(len, record)) > MAX_CELL_CHARACTERS:
            check_lengths(cells, row=row)

    def _decode(self, block: bytes) -> str:
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            row = self._row_at(block[: error.start])
            raise errors.InvalidData(f"{_place(row)} is not UTF-8; save the data as UTF-8", row=row) from None
        if "\0" in text:
            row = self._row_at(block[: block.index(b"\0")])
            raise errors.InvalidData(f"{_place(row)} holds a NUL character, which no field can store", row=row)
        return text

    def _row_at(self, before: bytes) -> int:
        """Return the number of the row that follows some bytes of a block."""
        whole = before[: before.rfind(b"\n") + 1].decode(errors="replace")
        records = -(whole.count('"') % 2)
        # What cannot be read is not counted: the row is then the one that is at fault twice.
        with contextlib.suppress(csv.Error):
            for cells in csv.reader(StringIO(whole, newline="\n")):
                records += bool(cells)
        return records + (len(self.index) + 1 if self.columns else 0)

    def _overlong(self) -> bytes:
        """Say what is wrong with a record that does not end: a stray quote as a rule, which reading it finds."""
        block = self._records.finish()
        self._read(block)
        row = len(self.index) if self.columns else 0
        raise errors.InvalidData(f"{_place(row)} is longer than Salesforce takes", row=row)

    def _wrong_width(self, found: int, row: int) -> errors.InvalidData:
        expected = len(self.columns)
        return errors.InvalidData(
            f"row {row} has {found} cells and the header {expected}; a cell with a comma needs double quotes",
            row=row,
            metadata={"expected": str(expected), "found": str(found)},
        )

    def _unreadable(self, error: csv.Error, row: int) -> errors.InvalidData:
        words = str(error)
        remedy = next((text for part, text in _REMEDIES.items() if part in words), "it is not CSV")
        return errors.InvalidData(f"{_place(row)}: {remedy}", row=row)


def write_row(cells: Sequence[str], width: int = 0) -> str:
    """Return one row of CSV with its line end, quoted where it must be.

    Args:
        cells: The cells.
        width: Empty cells follow up to this number of them.

    """
    line = ",".join(cells)
    # One look at the line instead of one at each cell: as a rule nothing needs quotes.
    if line.count(",") >= len(cells) or _QUOTED.search(line):
        line = ",".join('"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell for cell in cells)
    line += "," * (width - len(cells))
    # A line without anything would be no row at all.
    return f"{line}\n" if line else '""\n'


def _place(row: int) -> str:
    return f"row {row}" if row else "the header"
