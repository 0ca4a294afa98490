"""What cuts the data of a load: the splitter of its format, and a thread for it to work in."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator

from service import errors
from service.bulk.cutting.batch_parts import BatchSplitter
from service.bulk.cutting.csv_parts import CsvSplitter
from service.bulk.cutting.json_parts import JsonLinesSplitter
from service.bulk.cutting.parts import Part, PartLimits, Position, Splitter
from service.bulk.data.formats import Format
from service.bulk.data.spool import SpoolFiles
from service.bulk.request import LoadRequest
from service.clock import to_its_end

SplitterOf = Callable[[LoadRequest, PartLimits, Position], Splitter]
"""Makes what cuts the data of a load into parts of a size, from a place on."""


def splitter_of(request: LoadRequest, limits: PartLimits, start: Position, files: SpoolFiles | None = None) -> Splitter:
    """Return what cuts a load's data.

    Args:
        request: The load.
        limits: How large parts may be.
        start: Where to go on.
        files: Where files for parts come from and go to; None for some of its own.

    """
    match request.format:
        case Format.CSV:
            return CsvSplitter(request.mapping, request.dialect, limits, start, files)
        case Format.JSON_LINES:
            return JsonLinesSplitter(request.mapping, limits, start, files)
        case Format.BATCHES:
            return BatchSplitter(request.mapping, limits, start, files)


async def next_part(parts: Iterator[Part]) -> Part | None:
    """Read on in a thread, so that other calls go on, up to the next part; None at the end.

    A cancellation is raised once the thread has come that far: until then the splitter cannot be closed. A part that
    it makes meanwhile is closed.

    Args:
        parts: What `Splitter.feed` or `Splitter.finish` returned.

    Raises:
        errors.InvalidData: A row cannot be read.

    """
    made: list[Part] = []

    async def work() -> None:
        part = await asyncio.to_thread(next, parts, None)
        if part is not None:
            made.append(part)

    try:
        await to_its_end(work())
    except asyncio.CancelledError:
        for part in made:
            part.content.close()
        raise
    return made[0] if made else None


async def marked(parts: Iterator[Part]) -> AsyncGenerator[tuple[Part, bool]]:
    """Yield parts as `next_part` returns them, and whether each is the last one.

    Close it when leaving early: that closes the part which nobody was given.

    Raises:
        errors.InvalidData: As `next_part`, once the parts before the row at fault were yielded.

    """
    held: Part | None = None
    try:
        while True:
            try:
                part = await next_part(parts)
            except errors.InvalidArgument:
                if held is not None:
                    last, held = held, None
                    yield last, False
                raise
            before, held = held, part
            if before is not None:
                yield before, part is None
            if part is None:
                return
    finally:
        if held is not None:
            held.content.close()


def _all(splitter: Splitter, data: bytes) -> Iterator[Part]:
    yield from splitter.feed(data)
    yield from splitter.finish()


async def first_parts(splitter: Splitter, data: bytes, most: int) -> list[Part]:
    """Return the parts that data makes which is complete, and no more than some of them.

    Args:
        splitter: What cuts it.
        data: All of it.
        most: How many parts at most.

    Raises:
        errors.InvalidData: A row cannot be read, before that many parts were made; those that were are closed.

    """
    parts: list[Part] = []
    reading = _all(splitter, data)
    try:
        while len(parts) < most and (part := await next_part(reading)) is not None:
            parts.append(part)
    except BaseException:
        for part in parts:
            part.content.close()
        raise
    return parts
