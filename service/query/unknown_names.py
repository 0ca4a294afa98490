"""Which name Salesforce meant when it refused a query: told with its place in the caller's own text."""

from collections.abc import Sequence

from service.errors import MalformedQuery, UnknownField
from service.query.names import field_of, relationship_of
from service.query.planner import Describe
from service.query.references import source_of
from service.salesforce.calls.describe import SObject
from service.soql import reads
from service.soql.ast import Position, Query


async def unknown_name(query: Query, refusal: MalformedQuery, describe: Describe) -> UnknownField | None:
    """Return the error for the first name that a refusal is about and that no description has.

    The text that was sent is not the caller's: parameters are bound in it and its order may be another. So Salesforce's
    row and column may lead nowhere, and it never tells which name would be right.

    Args:
        query: The caller's query.
        refusal: What Salesforce said of it.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: An sObject cannot be described, though it may be known.

    """
    told = refusal.message.lower()
    for use in reads.fields(query):
        sobject = await source_of(use.source, describe)
        found = None if sobject is None else await _missing(sobject, use.path, use.at, describe)
        if found is not None and found.metadata["field"].lower() in told:
            return found
    return None


async def _missing(sobject: SObject, names: Sequence[str], at: Position, describe: Describe) -> UnknownField | None:
    try:
        for name in names[:-1]:
            lookup = relationship_of(sobject, name, at)
            if len(lookup.referenceTo) != 1:
                # What stands behind a lookup to records of several sObjects has no description.
                return None
            sobject = await describe(lookup.referenceTo[0])
        field_of(sobject, names[-1], at)
    except UnknownField as error:
        return error
    return None
