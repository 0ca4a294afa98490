"""The caller's JSON Lines, read as it comes in and written as CSV once every key was seen.

Source of the CSV's meaning: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files": an empty cell leaves a
field alone, `#N/A` sets it to null.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NoReturn

from service import errors
from service.bulk.columns import MAX_CELL_CHARACTERS, check_column, check_lengths, check_width
from service.bulk.csv_rows import write_row
from service.bulk.records import RecordBuffer
from service.bulk.rows import SEPARATOR, RowIndex, digest_of_joined
from service.bulk.spool import Spool, check_size

NULL = "#N/A"
"""What sets a field to null. A JSON string of these four characters does the same: Salesforce has no other spelling."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Ends a row while it waits for columns that only later rows bring; no cell can hold it.
_ROW_END = b"\0"
_HELD_BYTES = 1024 * 1024
"""Rows are written in portions: a line of ten bytes can be a row of five thousand commas."""


class _BadRowError(ValueError):
    """A row that is JSON and cannot be loaded; the text says why."""


class JsonLinesReader:
    """Reads JSON Lines incrementally: `feed` every chunk, then `finish`, then `close`.

    The columns are all keys, in the order in which they first appear. Each row is written once, with the columns known
    by then, and waits in a spool; what later rows add is a run of commas at its end.

    Null becomes `#N/A`, an absent key an empty cell, true and false their names, a number its own digits, and
    `{"Account": {"Ext__c": "A-1"}}` the column `Account.Ext__c`. An empty string is an empty cell and so leaves the
    field alone. Empty lines are skipped and not counted.
    Every error is `errors.InvalidData` with the row's number, after which the reader must not be used.
    """

    def __init__(self) -> None:
        self.index = RowIndex()
        self._lines = RecordBuffer(quoted=False)
        self._rows = Spool()
        self._columns: list[str] = []
        self._positions: dict[str, int] = {}
        # The columns again, where the row before had a value for each in this order: then the next one has as a rule.
        self._shape: tuple[str, ...] = ()
        # Offsets of the spool from which on rows have that many columns, and their first row.
        self._widths: list[tuple[int, int, int]] = []
        self._has_begun = False
        self._parse = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse_constant
        ).decode

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns seen so far."""
        return tuple(self._columns)

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, cut anywhere. Returns nothing: the CSV can only begin when every key was seen.

        Raises:
            errors.InvalidData: A row cannot be read.
            errors.MessageTooLarge: The rows pass the limit of one load.

        """
        self._read(self._lines.feed(chunk))
        if self._lines.overlong:
            row = len(self.index) + 1
            raise errors.InvalidData(f"row {row} is longer than Salesforce takes", row=row)
        return b""

    def finish(self) -> Iterator[bytes]:
        """Yield the CSV for Salesforce.

        Raises:
            errors.InvalidData: A row cannot be read, or there is none.
            errors.MessageTooLarge: The CSV passes the limit of one load.

        """
        self._read(self._lines.finish())
        if not self._widths:
            raise errors.InvalidData("the data is empty; send one JSON object a line", row=0)
        header = (",".join(self.columns) + "\n").encode()
        segments = self._segments()
        check_size(len(header) + self._rows.size + sum(rows * missing for _, _, rows, missing in segments))
        yield header
        for start, end, _, missing in segments:
            row_end = b"," * missing + b"\n"
            for chunk in self._rows.chunks(start, end):
                yield chunk.replace(_ROW_END, row_end)

    def close(self) -> None:
        """Free the spool."""
        self._rows.close()

    def _segments(self) -> list[tuple[int, int, int, int]]:
        """List the runs of rows of one width: start, end, number of rows, columns missing."""
        ends = [*self._widths[1:], (self._rows.size, len(self.index) + 1, 0)]
        return [
            (start, end, next_row - row, len(self._columns) - width)
            for (start, row, width), (end, next_row, _) in zip(self._widths, ends, strict=True)
        ]

    def _read(self, block: bytes) -> None:
        if block and not self._has_begun:
            block = block.removeprefix(_BYTE_ORDER_MARK)
            self._has_begun = True
        written: list[bytes] = []
        digests: list[int] = []
        first, offset = len(self.index) + 1, self._rows.size
        for line in block.split(b"\n"):
            if not line.strip():
                continue
            row = first + len(digests)
            width = len(self._columns)
            cells = self._cells(line, row)
            if len(self._columns) > width or not self._widths:
                self._widths.append((offset, row, len(self._columns)))
            digests.append(digest_of_joined(SEPARATOR.join(cells)))
            text = _encode(cells, len(self._columns), row)
            written.append(text)
            offset += len(text)
            if offset - self._rows.size > _HELD_BYTES:
                self._rows.write(b"".join(written))
                written.clear()
        self._rows.write(b"".join(written))
        self.index.add(digests)

    def _cells(self, line: bytes, row: int) -> list[str]:
        """Return a row's cells in the order of the columns, after adding its new keys to them.

        Columns behind its last key are left out: a short row in a wide table must not cost what the table does.
        """
        try:
            value = self._parse(line.decode())
            cells = self._arrange(value, row)
        except UnicodeDecodeError:
            raise errors.InvalidData(f"row {row} is not UTF-8; save the data as UTF-8", row=row) from None
        except json.JSONDecodeError as error:
            raise errors.InvalidData(
                f"row {row} is not JSON: {error.msg} at character {error.pos + 1}; write one object a line", row=row
            ) from None
        except _BadRowError as error:
            raise errors.InvalidData(f"row {row}: {error}", row=row) from None
        except RecursionError:
            raise errors.InvalidData(f"row {row} is nested too deeply; write one flat object a line", row=row) from None
        if len(line) > MAX_CELL_CHARACTERS:
            check_lengths(cells, row=row)
        return cells

    def _arrange(self, value: Any, row: int) -> list[str]:
        if not isinstance(value, dict):
            raise _BadRowError("it is not a JSON object; write one object a line")
        if not value:
            raise _BadRowError("it has no fields")
        if tuple(value) == self._shape:
            with contextlib.suppress(_BadRowError):
                return [text if type(text) is str else _text(name, text) for name, text in value.items()]
        cells: list[str] = []
        taken: set[int] = set()
        for key, item in value.items():
            name, inner = _lookup(key, item) if isinstance(item, dict) else (key, item)
            position = self._position(name, row)
            if position in taken:
                raise _BadRowError(f"field {name} is given twice")
            taken.add(position)
            cells.extend([""] * (position + 1 - len(cells)))
            cells[position] = _text(name, inner)
        self._shape = tuple(self._columns) if tuple(value) == tuple(self._columns) else ()
        return cells

    def _position(self, name: str, row: int) -> int:
        # Salesforce's names do not distinguish case, so a new spelling is not a new column.
        position = self._positions.get(name.lower())
        if position is None:
            position = self._positions[name.lower()] = len(self._columns)
            check_column(name, position=position + 1, row=row)
            check_width(position + 1, row=row)
            self._columns.append(name)
        return position


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _BadRowError("a key is given twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _BadRowError(f"{name} is not a number of JSON")


def _lookup(key: str, value: dict[str, Any]) -> tuple[str, Any]:
    if len(value) != 1:
        raise _BadRowError(f'field {key[:80]!r} must hold one external id, as in {{"Account": {{"Ext__c": "A-1"}}}}')
    ((field, item),) = value.items()
    return f"{key}.{field}", item


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return NULL
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise _BadRowError(f"field {name[:80]!r} holds a list or a nested object; only lookups by external id may nest")


def _encode(cells: list[str], width: int, row: int) -> bytes:
    try:
        text = write_row(cells, width).encode()
    except UnicodeEncodeError:
        raise errors.InvalidData(f"row {row} holds half of a surrogate pair", row=row) from None
    if _ROW_END in text:
        raise errors.InvalidData(f"row {row} holds a NUL character, which no field can store", row=row)
    return text[:-1] + _ROW_END
