"""Which parameter Salesforce meant when it refused a query: one whose value is none that its field is compared with."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from service import soql
from service.errors import FieldViolation, InvalidParameter, MalformedQuery
from service.query.planner import Describe
from service.query.references import references
from service.salesforce.calls.describe import NUMBER_TYPES
from service.soql import walk
from service.soql.ast import Comparison, Membership, Parameter, Path, Query

_NUMBER = "a number"
_BOOLEAN = "true or false"
_DATE = "a date"
_DATETIME = "a date with a time"
_TIME = "a time of day"
_TEXT = "text"
_TEXTS = (
    "id", "string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "reference",
)  # fmt: skip
_WANTED = {
    **dict.fromkeys(NUMBER_TYPES, _NUMBER),
    **dict.fromkeys(_TEXTS, _TEXT),
    "boolean": _BOOLEAN,
    "date": _DATE,
    "datetime": _DATETIME,
    "time": _TIME,
}
"""What fields are compared with, by their types (SOQL and SOSL Reference, "fieldExpression Syntax")."""


async def wrong_value(
    query: Query, parameters: Mapping[str, soql.Value], refusal: MalformedQuery, describe: Describe
) -> InvalidParameter | None:
    """Return the error for the first parameter that a refusal is about and that does not fit its field.

    Salesforce knows no parameters: it tells a caller who never wrote a quote that there should be none.

    Args:
        query: The caller's query, its parameters not bound.
        parameters: What was bound.
        refusal: What Salesforce said.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: An sObject cannot be described, though it may be known.

    """
    told = refusal.message.lower()
    fields = {found.at: found for found in (await references(query, describe)).fields}
    for leaf in _leaves(query):
        use = fields.get(leaf.left.at) if isinstance(leaf.left, Path) else None
        if use is None or use.field is None or use.name.lower() not in told:
            continue
        wanted = _WANTED.get(use.field.type)
        for hole in _holes(leaf):
            wrong = next((kind for kind in _kinds(parameters[hole.name]) if kind != wanted), None)
            if wanted is not None and wrong is not None:
                return _refused(hole, f"holds {wrong}, and {use.sobject}.{use.name} is compared with {wanted}", refusal)
    return None


def _leaves(query: Query) -> Iterator[Comparison | Membership]:
    yield from walk.leaves(query)
    for inner in walk.inner(query):
        yield from _leaves(inner)


def _holes(leaf: Comparison | Membership) -> Iterator[Parameter]:
    entries = leaf.right if isinstance(leaf.right, tuple) else (leaf.right,)
    for entry in entries:
        if isinstance(entry, Parameter):
            yield entry


def _kinds(value: soql.Value) -> Iterator[str]:
    """Yield what a parameter holds; null is compared with everything."""
    # bool before int and datetime before date: each is a subclass of the other.
    match value:
        case None:
            return
        case str():
            yield _TEXT
        case bool():
            yield _BOOLEAN
        case int() | float() | Decimal():
            yield _NUMBER
        case datetime():
            yield _DATETIME
        case date():
            yield _DATE
        case time():
            yield _TIME
        case Sequence():
            for member in value:
                yield from _kinds(member)


def _refused(hole: Parameter, problem: str, refusal: MalformedQuery) -> InvalidParameter:
    message = f":{hole.name} {problem} (row {hole.at.row}, column {hole.at.column})"
    facts = {"parameter": hole.name, "row": str(hole.at.row), "column": str(hole.at.column)}
    violation = FieldViolation(f"parameters.{hole.name}", message)
    return InvalidParameter(message, metadata={**refusal.metadata, **facts}, violations=[violation])
