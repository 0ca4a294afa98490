"""The values of decoded rows, column by column."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec.structs import astuple

from service.query.columns import ResultColumn


class Gatherer:
    """Takes rows of the struct that `row_type` makes for some columns apart.

    Args:
        columns: The columns.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._level = _Level({place: column.keys for place, column in enumerate(columns)})

    def gather(self, rows: Sequence[Any]) -> list[list[Any]]:
        """Return the values of each column, one a row; null where a row lacks what they stand in."""
        found = dict(self._level.values(map(astuple, rows)))
        return [found[place] for place in sorted(found)]


class _Level:
    """A record or a part of one.

    Args:
        paths: The keys that lead to each value from here, by the value's place among the columns.

    """

    def __init__(self, paths: Mapping[int, tuple[str, ...]]) -> None:
        keys: dict[str, dict[int, tuple[str, ...]]] = {}
        for place, path in paths.items():
            keys.setdefault(path[0], {})[place] = path[1:]
        self._nothing = (None,) * len(keys)
        self._leaves: list[tuple[int, int]] = []
        self._parts: list[tuple[int, _Level]] = []
        # The fields of the struct stand in the order in which the columns name them first.
        for number, inside in enumerate(keys.values()):
            self._leaves += [(number, place) for place, path in inside.items() if not path]
            deeper = {place: path for place, path in inside.items() if path}
            if deeper:
                self._parts.append((number, _Level(deeper)))

    def values(self, records: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, list[Any]]]:
        """Yield the values under each path, with the path's place, of the fields of each record."""
        width = len(self._nothing)
        # Row after row first, then by strides: each row is visited once, while it is near.
        flat = list(chain.from_iterable(records))
        for number, place in self._leaves:
            yield place, flat[number::width]
        for number, part in self._parts:
            yield from part.values(part.fields(flat[number::width]))

    def fields(self, records: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield the fields of each record, all of them null where the record is."""
        return (self._nothing if record is None else astuple(record) for record in records)
