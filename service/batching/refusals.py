"""Calls that Salesforce refused whole: for whose sake, as far as it tells."""

from collections.abc import Sequence

from service.batching.item import Item, Route
from service.errors import InvalidArgument, SluicegateError, UnknownField, UnknownObject


def at_fault(error: SluicegateError, items: Sequence[Item], route: Route) -> Sequence[Item]:
    """Return the records for whose sake a call was refused, of which nothing was written.

    Args:
        error: The refusal.
        items: The records of the call.
        route: What they have in common.

    Returns:
        All of them if the refusal is nobody's alone; the ones that have the field which Salesforce named; none if some
        record is at fault and the refusal does not tell which.

    """
    if len(items) == 1 or not _may_be_one_row(error, route):
        return items
    # Among several sObjects it is not certain of which one the field is.
    if not isinstance(error, UnknownField) or error.metadata.get("object", "").lower() != route.sobject:
        return ()
    field = error.metadata.get("field", "").lower()
    return [item for item in items if any(name.lower() == field for name in item.row.write.values)]


def _may_be_one_row(error: SluicegateError, route: Route) -> bool:
    if isinstance(error, UnknownObject):
        return not route.sobject
    return isinstance(error, InvalidArgument)
