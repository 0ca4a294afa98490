"""Rows that failed because the rows that they refer to had failed: told so among the failures."""

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.cli.bulk.failed_rows import COLUMNS
from service.cli.bulk.result_form import form_of, lines_of
from service.cli.bulk.second_pass import failed_numbers
from service.cli.bulk.sources import Source, delimiter_of, rows_of

_BEGIN = "its parent "
_MOST_PARENTS = 200_000
"""Parents beyond which no more are remembered: their children keep Salesforce's own words."""


@dataclass(frozen=True, slots=True)
class Parents:
    """The rows of one file that were not written, and the column of another that refers to them."""

    column: str
    """Salesforce's name of the column."""
    source: Source
    """The parents' file."""
    failures: Path
    """Where those rows are, by their keys."""

    def failed(self) -> Iterator[tuple[str, str]]:
        """Yield the key of each and what became of it, for people."""
        if not self.failures.exists():
            return
        lines = lines_of(self.failures)
        next(lines)
        for cells in lines:
            line = dict(zip(COLUMNS, cells, strict=False))
            if line["key"]:
                why = line["reason"] or line["outcome"].replace("_", " ")
                yield line["key"], f"{line['key']} was not written ({self.source.name}, row {line['row']}: {why})"


def explain_orphans(source: Source, failures: Path, parents: Sequence[Parents]) -> int:
    """Say in a file of failures which rows failed for want of their parents; return how many did.

    A file that was explained before, or partly, is explained alike.

    Args:
        source: The children's file.
        failures: Their failures.
        parents: What they refer to.

    Raises:
        ValueError: A row cannot be read.
        OSError: A file cannot be read or written.

    """
    reasons: list[str] = []
    known: list[dict[str, int]] = []
    for each in parents:
        keys: dict[str, int] = {}
        for key, reason in each.failed():
            if len(reasons) == _MOST_PARENTS:
                break
            reasons.append(reason)
            keys[_folded(key)] = len(reasons)
        known.append(keys)
    failed = failed_numbers(failures)
    if not reasons or not failed:
        return 0
    return _rewrite(failures, reasons, _reason_of(source, failed, [each.column for each in parents], known))


def _reason_of(
    source: Source, failed: Sequence[int], columns: Sequence[str], known: Sequence[dict[str, int]]
) -> Sequence[int]:
    """Return for each row, by its number, which reason is its own, from 1; 0 for none."""
    reason_of = array("I", bytes(4 * len(failed)))
    rows = rows_of(Path(source.file), delimiter_of(source))
    header = [source.target(column).lower() for column in next(rows)]
    places = [(header.index(column.lower()), keys) for column, keys in zip(columns, known, strict=True)]
    for number, row in enumerate(rows, 1):
        if number >= len(failed):
            break
        if failed[number]:
            found = (keys.get(_folded(row[place]), 0) for place, keys in places)
            reason_of[number] = next(filter(None, found), 0)
    return reason_of


def _rewrite(failures: Path, reasons: Sequence[str], reason_of: Sequence[int]) -> int:
    row, message = COLUMNS.index("row"), COLUMNS.index("message")
    draft = failures.with_name(f"{failures.name}.new")
    form, lines, count = form_of(failures), lines_of(failures), 0
    with draft.open("w", encoding=form.encoding, newline="") as after:
        writer = csv.writer(after, delimiter=form.delimiter, lineterminator=form.line_end)
        writer.writerow(next(lines))
        for line in lines:
            reason = reason_of[int(line[row] or 0)]
            if reason:
                count += 1
                if not line[message].startswith(_BEGIN):
                    line[message] = f"{_BEGIN}{reasons[reason - 1]}; {line[message]}"
            writer.writerow(line)
        after.flush()
        os.fsync(after.fileno())
    draft.replace(failures)
    return count


def _folded(key: str) -> str:
    """Return a key as Salesforce compares it, unless its field tells cases apart."""
    return key.strip().lower()
