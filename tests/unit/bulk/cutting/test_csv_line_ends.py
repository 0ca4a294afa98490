"""Line ends of CSV that only some readers take for one."""

from contextlib import closing

import pytest

from service import errors
from service.bulk.cutting.csv_parts import CsvSplitter
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.data.dialect import Dialect
from service.bulk.data.mapping import FieldMapping


def uploaded(data: bytes) -> bytes:
    """Return what is uploaded of some data."""
    with closing(CsvSplitter(FieldMapping(), Dialect(), PartLimits(), Position())) as splitter:
        parts = [*splitter.feed(data), *splitter.finish()]
        content = b"".join(b"".join(part.content.chunks()) for part in parts)
        for part in parts:
            part.content.close()
    return content


@pytest.mark.parametrize("row", [b"1,2\r\r\n", b'1,"2"\r\r\n', b'"1",2\r\r\r\n'])
@pytest.mark.parametrize("others", [b"3,4\n", b"3,4\r\n", b'"3",4\n'])
def test_a_row_that_ends_in_several_carriage_returns_is_refused(row, others):
    """Python's reader takes them for one line end; Salesforce would be sent one as part of the last cell."""
    with pytest.raises(errors.InvalidData, match="carriage return") as caught:
        uploaded(b"A,B\n" + others + row + others)

    assert 2 == caught.value.row


def test_a_quoted_cell_may_end_in_one():
    """It is the cell's own."""
    assert b'A,B\n1,"2\r"\n3,4\n' == uploaded(b'A,B\r\n1,"2\r"\r\n3,4\r\n')
