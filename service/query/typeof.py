"""The columns of TYPEOF: those of all its branches, of which a row has the ones of its own parent's type."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from service.errors import FieldViolation, UnknownObject
from service.query.columns import ColumnType, ResultColumn
from service.query.names import hint, near, place
from service.soql.ast import When


def union(columns: Iterable[ResultColumn], sure_keys: int) -> list[ResultColumn]:
    """Return each column once, in the order of the branches.

    A column that has different types in different branches holds text.

    Args:
        columns: Those of all branches.
        sure_keys: How many keys lead to the parent; those behind are left out by the other branches.

    """
    found: dict[tuple[str, ...], ResultColumn] = {}
    for column in columns:
        known = found.get(column.keys)
        if known is None:
            found[column.keys] = replace(column, sure_keys=sure_keys)
        elif (known.type, known.is_described) != (column.type, column.is_described):
            found[column.keys] = replace(known, type=ColumnType.STRING, is_described=False)
    return list(found.values())


def wrong_type(branch: When, relationship: str, targets: Sequence[str]) -> UnknownObject:
    """Return the error for a branch of an sObject that the relationship does not lead to.

    Args:
        branch: The branch.
        relationship: As Salesforce spells it.
        targets: The sObjects that it leads to.

    """
    nearest = near(branch.sobject, targets)
    message = f"{relationship} does not lead to {branch.sobject!r} {place(branch.at)}{hint(nearest)}"
    metadata = {"object": branch.sobject, "row": str(branch.at.row), "column": str(branch.at.column)}
    if nearest:
        metadata["nearest"] = nearest[0]
    return UnknownObject(message, metadata=metadata, violations=[FieldViolation("soql", message)])
