"""What cuts the data of a load: the splitter of its format."""

from collections.abc import Callable

from service.bulk.batch_parts import BatchSplitter
from service.bulk.csv_parts import CsvSplitter
from service.bulk.data import Format
from service.bulk.job import LoadRequest
from service.bulk.json_parts import JsonLinesSplitter
from service.bulk.parts import PartLimits, Position, Splitter

SplitterOf = Callable[[LoadRequest, PartLimits, Position], Splitter]
"""Makes what cuts the data of a load into parts of a size, from a place on."""


def splitter_of(request: LoadRequest, limits: PartLimits, start: Position) -> Splitter:
    """Return what cuts a load's data.

    Args:
        request: The load.
        limits: How large parts may be.
        start: Where to go on.

    """
    match request.format:
        case Format.CSV:
            return CsvSplitter(request.mapping, request.dialect, limits, start)
        case Format.JSON_LINES:
            return JsonLinesSplitter(request.mapping, limits, start)
        case Format.BATCHES:
            return BatchSplitter(request.mapping, limits, start)
