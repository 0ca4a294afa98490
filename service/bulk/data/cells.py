"""Cells written as CSV (RFC 4180)."""

from collections.abc import Sequence

from service.bulk.data.dialect import Delimiter


def write_row(cells: Sequence[str], delimiter: Delimiter = Delimiter.COMMA, width: int = 0) -> str:
    """Return one row of CSV with its line end, quoted where it must be.

    Args:
        cells: The cells.
        delimiter: What stands between them.
        width: Empty cells follow up to this number of them.

    """
    between = delimiter.text
    line = between.join(cells)
    # One look at the line instead of one at each cell: as a rule nothing needs quotes.
    if line.count(between) >= len(cells) or '"' in line or "\n" in line or "\r" in line:
        line = between.join(quoted_cell(cell, delimiter) for cell in cells)
    line += between * (width - len(cells))
    # A line without anything would be no row at all.
    return f"{line}\n" if line else '""\n'


def quoted_cell(cell: str, delimiter: Delimiter) -> str:
    """Return a cell as CSV has it: in quotes where it must be."""
    if '"' in cell or delimiter.text in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell
