"""By which route a query is read: page by page by REST, or by a query job of Bulk API 2.0."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from service.errors import FieldViolation, InvalidRequest
from service.query.columns import ColumnType, ResultColumn
from service.query.compound import COMPOUNDS
from service.query.names import place
from service.query.options import LARGEST_PAGE
from service.query.references import Reference
from service.salesforce.calls.query_plans import Plan
from service.soql import reads, walk
from service.soql.ast import (
    And,
    Call,
    Children,
    Column,
    Comparison,
    Condition,
    Membership,
    Path,
    Position,
    Query,
    TypeOf,
)

_ID = "id"
_PART_ROWS = 50_000
_LISTED_PARTS = 5
_POLLS = 12
"""What waiting for a job of a few minutes takes."""


class Route(Enum):
    """How a result is read from Salesforce, as `Options.route` names it."""

    REST = "REST"
    BULK = "BULK"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a query cannot be read in bulk."""

    text: str
    at: Position

    def __str__(self) -> str:
        """Return it as a sentence, with its place."""
        return f"{self.text} {place(self.at)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many rows a query has, as far as Salesforce tells."""

    records: int | None = None
    """Records of the sObject."""
    plans: tuple[Plan, ...] = ()
    """The best one first; empty if they were not asked for, or Salesforce has none."""

    @property
    def rows(self) -> int | None:
        """Rows of the query without its LIMIT; None if nobody knows."""
        return self.plans[0].cardinality if self.plans else self.records


@dataclass(frozen=True, slots=True)
class Choice:
    """A route, and why it is this one."""

    route: Route
    reason: str


def obstacles(query: Query, fields: Iterable[Reference]) -> list[Obstacle]:
    """Return why a query cannot be read in bulk (Bulk API 2.0 and Bulk API Developer Guide, "Query Jobs").

    Args:
        query: The query, FIELDS() spelled out.
        fields: What it reads.

    """
    found: list[Obstacle] = []
    compounds = {reference.at: reference for reference in fields if _is_compound(reference)}
    for entry in query.select:
        if isinstance(entry, Children):
            found.append(Obstacle("bulk queries take no child subqueries", entry.query.at))
        elif isinstance(entry, TypeOf):
            found.append(Obstacle("bulk queries take no TYPEOF", entry.relationship.at))
        elif isinstance(entry.expression, Call):
            if walk.folds(entry.expression):
                found.append(
                    Obstacle(f"bulk queries take no {entry.expression.function.upper()}()", entry.expression.at)
                )
        elif entry.expression.at in compounds:
            name = compounds[entry.expression.at].name
            found.append(Obstacle(f"bulk queries take no compound fields such as {name}", entry.expression.at))
    if query.group_by:
        found.append(Obstacle("bulk queries take no GROUP BY", query.group_by[0].at))
    if query.offset is not None:
        found.append(Obstacle("bulk queries take no OFFSET", query.at))
    return list(dict.fromkeys(found))


def most_rows(query: Query, max_rows: int = 0) -> int | None:
    """Return how many rows a query can have at most by its own words; None if they do not tell.

    Args:
        query: The query, its parameters bound.
        max_rows: The most that the caller wants; 0 for all.

    """
    bounds = [max_rows] if max_rows else []
    if isinstance(query.limit, int):
        bounds.append(query.limit)
    if not query.group_by and any(isinstance(entry, Column) and walk.folds(entry.expression) for entry in query.select):
        bounds.append(1)
    conditions = query.where.conditions if isinstance(query.where, And) else (query.where,)
    bounds += [count for condition in conditions if (count := _ids(query, condition)) is not None]
    return min(bounds, default=None)


def forced(route: Route, found: Sequence[Obstacle]) -> Choice:
    """Return the choice of a caller who made it.

    Raises:
        InvalidRequest: The query cannot be read in bulk; each violation is an obstacle.

    """
    if route is Route.BULK and found:
        raise InvalidRequest(
            "; ".join(map(str, found)) + "; leave the route to the service, or change the query",
            metadata={"row": str(found[0].at.row), "column": str(found[0].at.column)},
            violations=[FieldViolation("route", str(obstacle)) for obstacle in found],
        )
    return Choice(route, "the caller asked for it")


def without_estimate(
    query: Query, columns: Iterable[ResultColumn], found: Sequence[Obstacle], *, bulk_rows: int, max_rows: int = 0
) -> Choice | None:
    """Return the choice that follows from the query alone; None if it takes an estimate of the rows.

    Args:
        query: The query, its parameters bound.
        columns: The columns of its result.
        found: Its obstacles.
        bulk_rows: From how many rows on a result is read in bulk.
        max_rows: The most that the caller wants; 0 for all.

    """
    if found:
        return Choice(Route.REST, str(found[0]))
    if any(column.type is ColumnType.BYTES for column in columns):
        # A column must not hold something else whenever there are more rows.
        return Choice(Route.REST, "it selects base64 fields, whose content only bulk has; ask for that to get it")
    most = most_rows(query, max_rows)
    if most is not None and most < bulk_rows:
        return Choice(Route.REST, f"it has at most {most:,} rows; bulk pays off from {bulk_rows:,} rows on")
    return None


def with_estimate(query: Query, estimate: Estimate, *, bulk_rows: int) -> Choice:
    """Return the choice for a query whose rows are estimated."""
    rows = estimated_rows(query, estimate)
    if rows is None:
        return Choice(Route.REST, "nobody knows how many rows it has")
    told = f"it has about {rows:,} rows; bulk pays off from {bulk_rows:,} rows on"
    return Choice(Route.BULK if rows >= bulk_rows else Route.REST, told)


def estimated_rows(query: Query, estimate: Estimate) -> int | None:
    """Return about how many rows a query has; None if nobody knows."""
    most = most_rows(query)
    known = [rows for rows in (most, estimate.rows) if rows is not None]
    # What a query folds its rows to is not what the plan counts.
    if query.group_by:
        return most
    return min(known, default=None)


def api_calls(route: Route, rows: int) -> int:
    """Return about how many API calls reading so many rows takes."""
    if route is Route.REST:
        return max(1, -(-rows // LARGEST_PAGE))
    parts = max(1, -(-rows // _PART_ROWS))
    lists = 0 if parts == 1 else -(-parts // _LISTED_PARTS)
    return 1 + _POLLS + parts + lists + 1


def _is_compound(reference: Reference) -> bool:
    return reference.field is not None and reference.field.type in COMPOUNDS


def _ids(query: Query, condition: Condition | None) -> int | None:
    """Return how many records a condition names by their ids; None if it does not."""
    if not isinstance(condition, Comparison | Membership) or not isinstance(condition.left, Path):
        return None
    if [name.lower() for name in reads.own_path(query, condition.left)] != [_ID]:
        return None
    if isinstance(condition, Comparison):
        return 1 if condition.operator == "=" else None
    return len(condition.right) if condition.operator == "IN" and isinstance(condition.right, tuple) else None
