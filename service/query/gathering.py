"""The values of decoded rows, column by column."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from service.query.columns import ResultColumn


class Gatherer:
    """Takes rows of the struct that `row_type` makes for some columns apart.

    Args:
        columns: The columns.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._level = _Level([column.keys for column in columns])

    def gather(self, rows: Sequence[Any]) -> list[list[Any]]:
        """Return the values of each column, one a row; null where a row lacks what they stand in."""
        found = dict(self._level.values(rows))
        return [found[place] for place in sorted(found)]


class _Level:
    """A record or a part of one.

    Args:
        paths: The keys that lead to each value from here.

    """

    def __init__(self, paths: Sequence[tuple[str, ...]]) -> None:
        attributes = {key: f"f{number}" for number, key in enumerate(dict.fromkeys(path[0] for path in paths))}
        self._nothing = SimpleNamespace(**dict.fromkeys(attributes.values()))
        self._leaves = [(place, attrgetter(attributes[path[0]])) for place, path in enumerate(paths) if len(path) == 1]
        self._parts: list[tuple[list[int], attrgetter[Any], _Level]] = []
        for key, attribute in attributes.items():
            places = [place for place, path in enumerate(paths) if path[0] == key and len(path) > 1]
            if places:
                part = _Level([paths[place][1:] for place in places])
                self._parts.append((places, attrgetter(attribute), part))

    def values(self, records: Sequence[Any]) -> Iterator[tuple[int, list[Any]]]:
        """Yield the values under each path, with the path's place."""
        for place, get in self._leaves:
            yield place, list(map(get, records))
        for places, get, part in self._parts:
            for place, values in part.values(part.present(list(map(get, records)))):
                yield places[place], values

    def present(self, records: Sequence[Any]) -> Sequence[Any]:
        """Return the records with one of nulls in place of each that is null."""
        if None in records:
            return [self._nothing if record is None else record for record in records]
        return records
