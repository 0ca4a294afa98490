"""Blocks end where records end, however the stream is cut."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.data import records
from service.bulk.data.records import RecordBuffer

cells = st.text(st.sampled_from('a",\n\ré😀'), max_size=8)


@given(table=st.lists(st.lists(cells, min_size=2, max_size=2), max_size=12), cut=st.integers(1, 9))
def test_blocks_hold_whole_records(table, cut):
    """Together the blocks are the stream, and each is CSV of its own."""
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    content = out.getvalue().encode()
    buffer = RecordBuffer(quoted=True)
    buffer._look_at = 1

    blocks = []
    for start in range(0, len(content), cut):
        blocks.append(buffer.feed(content[start : start + cut]))
        buffer._look_at = 1
    blocks.append(buffer.finish())

    assert content == b"".join(blocks)
    read = [list(csv.reader(StringIO(block.decode(), newline=""), strict=True)) for block in blocks]
    assert table == [row for block in read for row in block]


def test_an_open_quote_holds_back_only_its_own_record():
    """Records before one whose end is missing come out, and it comes with the next block."""
    buffer = RecordBuffer(quoted=True)
    whole = b'1,"x\ny"\n' * records.BLOCK_BYTES

    first = buffer.feed(whole + b'2,"\n')
    second = buffer.feed(b'z"\n' + whole)

    assert first == whole
    assert second == b'2,"\nz"\n' + whole


def test_lines_ignore_quotes():
    """JSON Lines end at every line end."""
    buffer = RecordBuffer(quoted=False)

    block = buffer.feed(b'"a\n"' + b"x" * records.BLOCK_BYTES)

    assert block == b'"a\n'


def test_the_last_record_gets_its_line_end():
    """A stream may end without a line end."""
    buffer = RecordBuffer(quoted=True)
    buffer.feed(b"a,b\n1,2")

    assert buffer.finish() == b"a,b\n1,2\n"
    assert buffer.finish() == b""


def test_a_record_without_end_is_noticed():
    """A quote that is never closed does not fill memory."""
    buffer = RecordBuffer(quoted=True)

    fed = 0
    while not buffer.overlong:
        assert buffer.feed(b'"' * (fed == 0) + b"x\n" * 32768) == b""
        fed += 65536

    assert fed < records.MAX_RECORD_BYTES + 200_000


def test_no_piece_makes_a_block_much_larger_than_need_be():
    """However large a chunk is and wherever it ends, a block is one block's worth and the record before it."""
    buffer = RecordBuffer(quoted=True)
    line = b"x" * 99 + b"\n"

    blocks = [
        buffer.feed(piece)
        for size in (1_000, 100_000, 333_333, 50_000, 2_000_000)
        for piece in buffer.pieces(line * (size // len(line)))
    ]

    assert records.BLOCK_BYTES - len(line) < min(len(block) for block in blocks if block)
    assert max(map(len, blocks)) <= records.BLOCK_BYTES + len(line)
