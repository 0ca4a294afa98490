"""The rows of a part by their content, made of what was uploaded when its results come, and not kept before."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from service.bulk.data.dialect import Delimiter
from service.bulk.data.records import RecordBuffer
from service.bulk.data.rows import SEPARATOR, RowIndex, digest_of_joined
from service.bulk.data.spool import Spool


def index_of(content: Spool, delimiter: Delimiter) -> RowIndex:
    """Return the rows of a part, numbered from 1, ready to be taken. Works about a second for 100 MB.

    Args:
        content: What was uploaded: its header and rows that end in LF.
        delimiter: What stands between its cells.

    """
    index = RowIndex()
    records = RecordBuffer(quoted=True)
    is_header = True
    for chunk in content.chunks():
        if block := records.feed(chunk):
            index.add(_digests(block.decode(), delimiter.text, is_header=is_header))
            is_header = False
    if block := records.finish():
        index.add(_digests(block.decode(), delimiter.text, is_header=is_header))
    index.build()
    return index


def _digests(text: str, delimiter: str, *, is_header: bool) -> Iterator[int]:
    rows = _rows(text, delimiter)
    if is_header:
        next(iter(rows), None)
    return map(digest_of_joined, rows)


def _rows(text: str, delimiter: str) -> Iterable[str]:
    """Yield the rows of whole records, their cells joined."""
    if '"' not in text and SEPARATOR not in text:
        return (line for line in text.replace(delimiter, SEPARATOR).split("\n") if line)
    reader = csv.reader(StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    return (SEPARATOR.join(cells) for cells in reader if cells)
