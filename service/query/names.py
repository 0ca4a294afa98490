"""Names in a query that describe does not know, and those that were probably meant."""

import difflib
from collections.abc import Iterable, Sequence

from service.errors import FieldViolation, MalformedQuery, UnknownField
from service.salesforce.calls.describe import Field, SObject
from service.soql.ast import Position

_MOST_NEAREST = 3
_CUTOFF = 0.5


def unknown(sobject: SObject, name: str, at: Position, among: Iterable[str], what: str = "field") -> UnknownField:
    """Return the error for a name that an sObject does not have.

    Args:
        sobject: The one that lacks it.
        name: As written in the query.
        at: Where it stands.
        among: The names that it does have, in Salesforce's spelling.
        what: What the name should be: `field`, `relationship`, `child relationship`.

    """
    nearest = near(name, among)
    message = f"{sobject.name} has no {what} {name!r} {place(at)}{hint(nearest)}"
    metadata = {"object": sobject.name, "field": name, "row": str(at.row), "column": str(at.column)}
    if nearest:
        metadata["nearest"] = nearest[0]
    return UnknownField(message, metadata=metadata, violations=[FieldViolation("soql", message)])


def relationship_of(sobject: SObject, name: str, at: Position) -> Field:
    """Return the lookup that a relationship to a parent goes by.

    Args:
        sobject: The one that has it.
        name: As written in the query.
        at: Where it stands.

    Raises:
        UnknownField: It has none of that name.

    """
    lookup = sobject.relationships.get(name.lower())
    if lookup is None:
        among = [known.relationshipName or "" for known in sobject.relationships.values()]
        raise unknown(sobject, name, at, among, "relationship")
    return lookup


def field_of(sobject: SObject, name: str, at: Position) -> Field:
    """Return a field; the arguments and failures are those of `relationship_of`."""
    field = sobject.fields.get(name.lower())
    if field is None:
        raise unknown(sobject, name, at, (known.name for known in sobject.fields.values()))
    return field


def refusal(text: str, at: Position) -> MalformedQuery:
    """Return the error for a query that cannot be meant.

    Args:
        text: What is wrong and what would be right.
        at: Where.

    """
    return MalformedQuery(f"{text} {place(at)}", row=at.row, column=at.column)


def near(name: str, among: Iterable[str]) -> list[str]:
    """Return the names that were probably meant, the nearest first; case tells nothing."""
    spelling = {known.lower(): known for known in among}
    found = difflib.get_close_matches(name.lower(), spelling, n=_MOST_NEAREST, cutoff=_CUTOFF)
    return [spelling[known] for known in found]


def place(at: Position) -> str:
    """Return where something stands, for people."""
    return f"(row {at.row}, column {at.column})"


def hint(nearest: Sequence[str]) -> str:
    """Return the end of a sentence that offers names; nothing where there are none."""
    if not nearest:
        return ""
    *others, last = map(repr, nearest)
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"
