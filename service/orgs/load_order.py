"""The order in which loads whose rows refer to each other are run, and what is left to a second pass to have one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.errors import FieldViolation, InvalidRequest


@dataclass(frozen=True, slots=True)
class Waiting:
    """A column of a load that finds what other loads write, or the load itself."""

    load: int
    path: str
    """Where the column stands in the request."""
    column: str
    parents: frozenset[int]
    """The loads that write what it finds, the load itself among them if its rows refer to each other."""
    bar: str = ""
    """Why it cannot be left to a second pass; empty if it can."""


@dataclass(slots=True)
class LoadOrder:
    """The order, and the columns that stand in its way.

    Raises:
        InvalidRequest: Loads wait for each other, or for themselves, by columns that cannot be left to a second pass.

    """

    order: list[int]
    """The loads."""
    deferred: set[Waiting]
    """The columns that are left to the second pass."""

    @classmethod
    def of(cls, count: int, columns: Sequence[Waiting]) -> "LoadOrder":
        """Find the order of so many loads. Those that nothing forces apart stay as they are.

        Where loads wait for each other, the one goes first that leaves fewest columns to the second pass.
        """
        found = cls([], {each for each in columns if each.load in each.parents})
        _check([each for each in columns if each in found.deferred])
        open_columns: dict[int, list[_Open]] = {load: [] for load in range(count)}
        for each in columns:
            if each not in found.deferred:
                open_columns[each.load].append(_Open(each, sum(1 << parent for parent in each.parents)))
        left = (1 << count) - 1
        while open_columns:
            for load, those in open_columns.items():
                open_columns[load] = [each for each in those if each.parents & left]
            first = next((load for load, those in open_columns.items() if not those), None)
            if first is None:
                first = _first_of_circle(open_columns, left)
                found.deferred.update(each.column for each in open_columns[first])
            found.order.append(first)
            del open_columns[first]
            left &= ~(1 << first)
        return found


@dataclass(frozen=True, slots=True)
class _Open:
    """A column that still waits. Sets of loads are numbers here, a bit a load: they are united thousands of times."""

    column: Waiting
    parents: int


def _first_of_circle(open_columns: Mapping[int, Sequence[_Open]], left: int) -> int:
    """Return the load to begin with where each waits for another."""
    waits_for = _reached(open_columns, left)
    # What only waits for a circle is in none, and nothing of it need be left out.
    circle = [
        load
        for load, others in waits_for.items()
        if all(waiting >> load & 1 for other, waiting in waits_for.items() if others >> other & 1)
    ]
    able = [load for load in circle if not any(each.column.bar for each in open_columns[load])]
    if not able:
        _check([each.column for load in circle for each in open_columns[load]])
    return min(able, key=lambda load: (len(open_columns[load]), load))


def _reached(open_columns: Mapping[int, Sequence[_Open]], left: int) -> dict[int, int]:
    """Return for each load those that it waits for, be it by way of others."""
    reached: dict[int, int] = {}
    for load, those in open_columns.items():
        reached[load] = 0
        for each in those:
            reached[load] |= each.parents & left
    # Warshall's algorithm: in a hundred loads that all wait for each other there are far too many ways to walk.
    for between, beyond in reached.items():
        for load, others in reached.items():
            if others >> between & 1:
                reached[load] = others | beyond
    return reached


def _check(columns: Sequence[Waiting]) -> None:
    """Refuse columns that would have to be left to a second pass and cannot be."""
    barred = [each for each in columns if each.bar]
    if not barred:
        return
    faults = [FieldViolation(each.path, f"{each.column} {_circle(each)}, and {each.bar}") for each in barred]
    more = f"; also at fault: {', '.join(each.column for each in barred[1:6])}" if len(barred) > 1 else ""
    raise InvalidRequest(f"{faults[0].description}{more}", violations=faults)


def _circle(column: Waiting) -> str:
    if column.load in column.parents:
        return "refers to rows of its own load"
    others = ", ".join(f"loads[{parent}]" for parent in sorted(column.parents))
    return f"refers to rows of {others}, which wait for those of loads[{column.load}]"
