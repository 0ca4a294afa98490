"""What is refused before a call is spent: queries that would leave a trace in the org, and those that no org takes."""

from service.query.names import refusal
from service.soql import reads, walk
from service.soql.ast import Call, Children, Column, Path, Position, Query, TypeOf

_LONGEST_NAME = 255
"""More characters than any name of Salesforce has; names go into the URLs of descriptions."""
_MOST_OFFSET = 2_000
"""SOQL and SOSL Reference, "OFFSET"."""
_MOST_CHILDREN = 20
_MOST_PARENTS = 55
"""Both: SOQL and SOSL Reference, "Understanding Relationship Query Limitations"."""
_MOST_ENTRIES = 2_000
"""More than any sObject has fields: what a query selects is planned while other calls wait."""
_FIELDS = "FIELDS"


def check(query: Query) -> None:
    """Refuse a query that would change the org or that no org takes, inner queries included.

    Whoever reads must not be seen to: FOR VIEW and FOR REFERENCE set LastViewedDate and LastReferencedDate of the rows,
    and the lists of recently used records of the org's user (SOQL and SOSL Reference, "FOR VIEW", "FOR REFERENCE").
    The other bounds keep what a query costs here, in descriptions and in columns, to what its answer can be worth.

    Args:
        query: The query, its parameters bound.

    Raises:
        service.errors.MalformedQuery: With the place.

    """
    if query.usage is not None:
        raise refusal(f"FOR {query.usage} would mark the rows as used in the org; leave it out", query.usage_at)
    if isinstance(query.offset, int) and query.offset > _MOST_OFFSET:
        raise refusal(f"OFFSET takes at most {_MOST_OFFSET}; page by a condition on Id instead", query.offset_at)
    _check_names(query)
    _check_columns(query)
    for inner in walk.inner(query):
        check(inner)


def _check_names(query: Query) -> None:
    _check_name(query.source, query.source_at)
    parents: set[tuple[str, ...]] = set()
    for path in walk.paths(query):
        for name in path.names:
            _check_name(name, path.at)
        own = tuple(name.lower() for name in reads.own_path(query, path))
        parents.update(own[:depth] for depth in range(1, len(own)))
        if len(parents) > _MOST_PARENTS:
            raise refusal(f"a query goes through at most {_MOST_PARENTS} relationships to parents", path.at)
    for entry in query.select:
        if isinstance(entry, TypeOf):
            for branch in entry.branches:
                _check_name(branch.sobject, branch.at)


def _check_name(name: str, at: Position) -> None:
    if len(name) > _LONGEST_NAME:
        raise refusal(f"a name of more than {_LONGEST_NAME} characters", at)


def _check_columns(query: Query) -> None:
    """Refuse what is selected without number, a field that is selected twice, and FIELDS() twice for the same ones."""
    if len(query.select) > _MOST_ENTRIES:
        raise refusal(f"a query selects at most {_MOST_ENTRIES:,} fields and functions", query.at)
    seen: set[tuple[str, ...]] = set()
    children = 0
    for entry in query.select:
        if isinstance(entry, Children):
            children += 1
            if children > _MOST_CHILDREN:
                raise refusal(f"a query has at most {_MOST_CHILDREN} child subqueries", entry.query.at)
        if not isinstance(entry, Column) or entry.alias is not None:
            continue
        place = _place(query, entry.expression)
        if place in seen:
            raise refusal(f"duplicate field selected: {'.'.join(place)}", entry.expression.at)
        if place:
            seen.add(place)


def _place(query: Query, expression: Path | Call) -> tuple[str, ...]:
    """Return where a field stands in a row, in lower case; nothing for what has a place of its own each time."""
    if isinstance(expression, Path):
        return tuple(name.lower() for name in reads.own_path(query, expression))
    if expression.function.upper() != _FIELDS:
        return ()
    names = (".".join(item.names) for item in expression.arguments if isinstance(item, Path))
    return (f"{_FIELDS}({','.join(names)})".lower(),)
