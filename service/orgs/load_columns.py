"""The columns of a bulk load, held against the sObject's description before the first job is created.

Salesforce finds these faults row by row, or fails the whole job over them, when everything has been uploaded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.bulk.request import LoadRequest, Operation
from service.context import CallContext
from service.errors import FieldViolation, InvalidFieldValue, UnknownObject
from service.orgs.descriptions import Descriptions
from service.orgs.field_rules import closed_to, missing
from service.orgs.key_fields import key_field, no_key
from service.orgs.nearest import NearestNames
from service.orgs.refusals import FIELDS, Fault, GivenAs, refusal, unknown_name
from service.orgs.write_rules import required_fields
from service.salesforce.calls.describe import Field, SObject
from service.salesforce.calls.writes import Operation as Write

KEY_FIELD = "header.external_id_field"

_OBJECT = "header.object"
_WRITES = {Operation.INSERT: Write.CREATE, Operation.UPDATE: Write.UPDATE, Operation.UPSERT: Write.UPSERT}
_REFERENCE = "reference"
_ID = "id"
_SHOWN = 40
_MOST_LED_TO = 5
_MOST_FAULTS = 50
"""Faults beyond which a load is refused without looking for more: the names may be thousands, all of another object."""


async def check_columns(
    request: LoadRequest, columns: Sequence[str], descriptions: Descriptions, context: CallContext
) -> None:
    """Refuse columns that no row can be loaded with.

    A description may be older than a field, so nothing is refused before it was read anew.

    Args:
        request: The load.
        columns: Salesforce's names of the columns.
        descriptions: What the org's sObjects look like.
        context: The call.

    Raises:
        service.errors.UnknownObject: The org has no such sObject.
        service.errors.UnknownField: A column, or the external-id field, is none of the sObject; with the nearest name.
        service.errors.FieldNotWriteable: A column may not be written.
        service.errors.RequiredFieldMissing: An insert lacks the column of a required field.
        service.errors.InvalidFieldValue: A lookup names an object that it does not lead to, or leads to several and
            names none. The violations are at what the caller gave: `header.mapping`, `header.constants` or `data`.

    """
    await _check(request, columns, descriptions, context, is_all=True, given_as=_given_as(request))


async def check_draft(
    request: LoadRequest, columns: Sequence[str], descriptions: Descriptions, context: CallContext
) -> None:
    """Refuse columns as `check_columns` does, before there is data; the violations are at `fields.<column>`."""
    await _check(request, columns, descriptions, context, is_all=True)


async def check_header(request: LoadRequest, descriptions: Descriptions, context: CallContext) -> None:
    """Refuse a load before its data is there, for the sObject and the fields that its header names.

    Raises and reads what `check_columns` does, but for columns that the data may still have.
    """
    columns = [*request.mapping.fields.values(), *request.mapping.constants]
    await _check(request, columns, descriptions, context, is_all=False, given_as=_given_as(request))


async def _check(
    request: LoadRequest,
    columns: Sequence[str],
    descriptions: Descriptions,
    context: CallContext,
    *,
    is_all: bool,
    given_as: GivenAs | None = None,
) -> None:
    sobject, parents = await describe(request, columns, descriptions, context)
    faults = column_faults(request, columns, sobject, parents, is_all=is_all)
    if faults:
        names = (sobject.name, *(parent.name for parent in parents.values()))
        if [name for name in names if await descriptions.refreshed(name, context) is not None]:
            sobject, parents = await describe(request, columns, descriptions, context)
            faults = column_faults(request, columns, sobject, parents, is_all=is_all)
    if faults:
        raise refusal(sobject.name, faults, given_as)


def _given_as(request: LoadRequest) -> GivenAs:
    """Return what says where a load's request has a column, and what the caller calls it there."""
    mapped = {target.lower(): name for name, target in request.mapping.fields.items()}
    constants = {name.lower() for name in request.mapping.constants}

    def place(column: str) -> tuple[str, str]:
        name = mapped.get(column.lower())
        if name is not None:
            return "header.mapping", f"column {name[:_SHOWN]!r} goes to {column}"
        return ("header.constants", "a constant") if column.lower() in constants else ("data", "")

    return place


def column_faults(
    request: LoadRequest,
    columns: Iterable[str],
    sobject: SObject,
    parents: Mapping[str, SObject],
    *,
    is_all: bool = True,
) -> list[tuple[str, Fault]]:
    """Return what is wrong with the columns of a load, and where.

    Deletions take the id alone, as `service.bulk.needed_columns` tells, so that there is nothing to find.

    Args:
        request: The load.
        columns: Salesforce's names of the columns.
        sobject: The description of what is loaded.
        parents: Those of the sObjects that lookups by external id lead to, by name in lower case; a column whose
            parent is not among them is not refused for the parent's field.
        is_all: Whether there are no other columns, so that the sObject's required fields must be among them.

    """
    write = _WRITES.get(request.operation)
    if write is None:
        return []
    faults: list[tuple[str, Fault]] = []
    key = request.external_id_field.lower()
    if key and key_field(sobject, key) is None:
        faults.append((KEY_FIELD, no_key(sobject, request.external_id_field)))
    check = _ColumnCheck(sobject, parents, write)
    names: set[str] = set()
    for column in columns:
        names.add(split_column(column)[1].lower())
        # What finds the record need not be writeable.
        is_key = column.lower() == (key or (_ID if write is Write.UPDATE else ""))
        fault = None if is_key else check.fault(column)
        if fault is not None:
            faults.append((FIELDS + column, fault))
            if len(faults) == _MOST_FAULTS:
                return faults
    if is_all and write is Write.CREATE:
        for field, relationship in required_fields(sobject):
            if not names & {field.lower(), relationship.lower()}:
                faults.append((FIELDS + field, missing(field)))
    return faults


class _ColumnCheck:
    """Says what is wrong with single columns."""

    def __init__(self, sobject: SObject, parents: Mapping[str, SObject], write: Write) -> None:
        self._sobject = sobject
        self._parents = parents
        self._write = write
        self._near_fields = NearestNames(field.name for field in sobject.fields.values())
        self._near_lookups = NearestNames(
            field.relationshipName or field.name for field in sobject.relationships.values()
        )

    def fault(self, column: str) -> Fault | None:
        target, relationship, key = split_column(column)
        if not key:
            field = self._sobject.fields.get(column.lower())
            if field is None:
                return unknown_name(self._sobject.name, column, self._near_fields.find(column))
            return closed_to(field, self._write)
        field = lookup_field(self._sobject, relationship)
        if field is None:
            return unknown_name(self._sobject.name, relationship, self._nearest(target, relationship), "relationship")
        return closed_to(field, self._write) or self._key_fault(field, target, key)

    def _nearest(self, target: str, relationship: str) -> str:
        """Return the relationship that was probably meant; both may stand the wrong way around."""
        swapped = lookup_field(self._sobject, target)
        if swapped is not None:
            return f"{relationship}:{swapped.relationshipName}"
        return self._near_lookups.find(relationship)

    def _key_fault(self, field: Field, target: str, key: str) -> Fault | None:
        if target and target.lower() not in {name.lower() for name in field.referenceTo}:
            leads = ", ".join(field.referenceTo)
            problem = f"{field.relationshipName} leads to {leads} and to no other object"
            return Fault(InvalidFieldValue, problem)
        if target and len(field.referenceTo) == 1:
            return Fault(InvalidFieldValue, f"{field.relationshipName} leads to {target} alone; leave '{target}:' out")
        if len(field.referenceTo) > 1 and not target:
            return Fault(InvalidFieldValue, _which(field, key))
        parent = self._parents.get(parent_name(field, target).lower())
        if parent is None or key_field(parent, key) is not None:
            return None
        if key.lower() in parent.fields:
            return no_key(parent, key)
        return unknown_name(parent.name, key, NearestNames(each.name for each in parent.fields.values()).find(key))


def _which(field: Field, key: str) -> str:
    """Return what to write for a lookup that leads to several sObjects."""
    shown = field.referenceTo[:_MOST_LED_TO]
    rest = len(field.referenceTo) - len(shown)
    leads = [*shown, f"{rest} more"] if rest else [*shown]
    choices = " or ".join(f"{name}:{field.relationshipName}.{key}" for name in shown)
    objects = f"{', '.join(leads[:-1])} and {leads[-1]}"
    return f"{field.relationshipName} leads to {objects}; name the one that is meant: {choices}"


def lookup_field(sobject: SObject, relationship: str) -> Field | None:
    """Return the field that a lookup by external id sets; None if the sObject has none of that name."""
    field = sobject.relationships.get(relationship.lower())
    return field if field is not None and field.type == _REFERENCE else None


def parent_name(field: Field, target: str) -> str:
    """Return the sObject that a lookup leads to; empty if there are several and the column names none.

    Args:
        field: The lookup field.
        target: What the column names, as in `Owner:User.Username`; empty for nothing.

    """
    return target or (field.referenceTo[0] if len(field.referenceTo) == 1 else "")


def split_column(column: str) -> tuple[str, str, str]:
    """Return the object, the relationship and its field that a column names; of a plain field the second alone.

    Source: Bulk API 2.0 and Bulk API Developer Guide, "Relationship Fields in a Header Row":
    `ObjectType:RelationshipName.IndexedFieldName`, of which the first is needed where a lookup leads to several objects
    and an error where it does not.
    """
    head, _, key = column.partition(".")
    target, _, relationship = head.rpartition(":")
    return target, relationship, key


async def describe(
    request: LoadRequest, columns: Iterable[str], descriptions: Descriptions, context: CallContext
) -> tuple[SObject, dict[str, SObject]]:
    """Return the descriptions of what is loaded and of what its lookups lead to, by name in lower case.

    Args:
        request: The load.
        columns: Salesforce's names of the columns.
        descriptions: What the org's sObjects look like.
        context: The call.

    Raises:
        service.errors.UnknownObject: The org has no such sObject.

    """
    try:
        sobject = await descriptions.get(request.object, context)
    except UnknownObject as error:
        fault = FieldViolation(_OBJECT, error.message)
        raise UnknownObject(error.message, metadata=error.metadata, violations=[fault]) from error
    parents: dict[str, SObject] = {}
    for name in _parents(sobject, columns):
        try:
            parents[name.lower()] = await descriptions.get(name, context)
        except UnknownObject:
            # Its fields cannot be told, but Salesforce may know them.
            continue
    return sobject, parents


def _parents(sobject: SObject, columns: Iterable[str]) -> Iterator[str]:
    """Yield the sObjects that the lookups among the columns lead to, each once."""
    seen: set[str] = set()
    for column in columns:
        target, relationship, key = split_column(column)
        field = lookup_field(sobject, relationship) if key else None
        if field is None:
            continue
        leads = {name.lower(): name for name in field.referenceTo}
        name = leads.get(parent_name(field, target).lower())
        if name is not None and name not in seen:
            seen.add(name)
            yield name
