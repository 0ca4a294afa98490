"""What cuts the data of a load: the splitter of its format."""

from collections.abc import Callable

from service.bulk.csv_parts import CsvSplitter
from service.bulk.data import Format
from service.bulk.job import LoadRequest
from service.bulk.json_parts import JsonLinesSplitter
from service.bulk.parts import PartLimits, Position, Splitter

SplitterOf = Callable[[LoadRequest, PartLimits, Position], Splitter]
"""Makes what cuts the data of a load into parts of a size, from a place on."""


def splitter_of(request: LoadRequest, limits: PartLimits, start: Position) -> Splitter:
    """Return what cuts a load's bytes.

    Args:
        request: The load.
        limits: How large parts may be.
        start: Where to go on.

    """
    if request.format is Format.JSON_LINES:
        return JsonLinesSplitter(request.mapping, limits, start)
    return CsvSplitter(request.mapping, request.dialect, limits, start)
