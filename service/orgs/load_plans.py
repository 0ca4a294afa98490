"""A plan for loads whose rows refer to each other: what their columns find is read from the sObjects' descriptions."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service.bulk.request import LoadRequest, Operation
from service.context import CallContext
from service.errors import FieldViolation, InvalidArgument, InvalidRequest, RequiredFieldMissing, UnknownObject
from service.orgs.descriptions import Descriptions
from service.orgs.load_columns import check_draft, lookup_field, parent_name, split_column
from service.orgs.load_order import LoadOrder, Waiting
from service.orgs.parents import locks_parent
from service.orgs.refusals import FIELDS
from service.salesforce.calls.describe import Field, SObject

_HEADER = "header."
_REFERENCE = "reference"
_NO_KEY = "an insert cannot find its rows again to set it later; load them by an upsert, or leave the column out"
_NEEDED = "no record is created without it, or it cannot be set later; leave the column out"


@dataclass(frozen=True, slots=True)
class LoadDraft:
    """A load that is to be planned."""

    object: str
    """API name of the sObject."""
    operation: Operation
    """Insert, update or upsert."""
    external_id_field: str
    """Empty unless it is an upsert."""
    columns: tuple[str, ...]
    """Salesforce's names of its columns."""

    @property
    def request(self) -> LoadRequest:
        """The load, as far as it is known."""
        return LoadRequest(self.object, self.operation, self.external_id_field)


@dataclass(frozen=True, slots=True)
class LoadReference:
    """A column that finds rows of loads."""

    column: str
    field: str
    """The lookup that it sets."""
    parent_objects: tuple[str, ...]
    """The sObjects that it may find."""
    external_id_field: str
    """What it finds them by."""
    parent_loads: tuple[int, ...]
    """The drafts that write them."""
    is_deferred: bool = False
    """Whether it is left to the second pass."""


@dataclass(frozen=True, slots=True)
class LoadStep:
    """One load of a plan."""

    load: int
    """Index of its draft."""
    draft: LoadDraft
    is_second: bool
    """Whether it loads what the first pass left out."""
    columns: tuple[str, ...]
    references: tuple[LoadReference, ...]
    parent_column: str
    """The column by which rows are to stand together; empty for none."""


async def plan_loads(drafts: Sequence[LoadDraft], descriptions: Descriptions, context: CallContext) -> list[LoadStep]:
    """Return the steps in the order in which they are to be run.

    Args:
        drafts: The loads.
        descriptions: What the org's sObjects look like.
        context: The call.

    Raises:
        service.errors.UnknownObject: The org has no such sObject.
        service.errors.InvalidArgument: A column is none that can be loaded, an upsert or an update lacks what finds its
            records, or the loads have no order. The violations name every column at fault.

    """
    faults = [fault for load, draft in enumerate(drafts) for fault in await _faults(load, draft, descriptions, context)]
    if faults:
        first = faults[0]
        raise type(first)(
            first.message, metadata=first.metadata, violations=[each for fault in faults for each in fault.violations]
        )
    sobjects = [await descriptions.get(draft.object, context) for draft in drafts]
    written = [frozenset(column.lower() for column in draft.columns) for draft in drafts]
    references = [
        _references(draft, sobject, sobjects, written) for draft, sobject in zip(drafts, sobjects, strict=True)
    ]
    waiting = {
        (load, each.column): Waiting(
            load,
            f"loads[{load}].columns[{drafts[load].columns.index(each.column)}]",
            each.column,
            frozenset(each.parent_loads),
            _bar(drafts[load], sobjects[load].fields[each.field.lower()]),
        )
        for load, found in enumerate(references)
        for each in found
    }
    # A hundred loads that all wait for each other take a quarter of a second.
    order = await asyncio.to_thread(LoadOrder.of, len(drafts), list(waiting.values()))
    deferred = {(each.load, each.column) for each in order.deferred}
    steps = [_step(load, drafts[load], sobjects[load], references[load], deferred) for load in order.order]
    again = [
        _step(load, drafts[load], sobjects[load], references[load], deferred, is_second=True)
        for load in order.order
        if any(load == each for each, _ in deferred)
    ]
    return [*steps, *again]


async def _faults(
    load: int, draft: LoadDraft, descriptions: Descriptions, context: CallContext
) -> list[UnknownObject | InvalidArgument]:
    """Return what is wrong with one draft, told by its place in the request."""
    path = f"loads[{load}]"
    spelled = {column.lower(): place for place, column in enumerate(draft.columns)}
    if len(spelled) < len(draft.columns):
        twice = next(column for place, column in enumerate(draft.columns) if spelled[column.lower()] != place)
        problem = f"names {twice} twice; drop one of them"
        violations = [FieldViolation(f"{path}.columns", problem)]
        return [InvalidRequest(f"{path}.columns {problem}", violations=violations)]
    found: list[UnknownObject | InvalidArgument] = []
    needed = draft.request.needed_column
    if needed and needed.lower() not in spelled:
        problem = f"the columns lack {needed}, which every {draft.operation.value} needs"
        violations = [FieldViolation(f"{path}.columns", problem)]
        found.append(RequiredFieldMissing(f"{draft.object}: {problem}", violations=violations))
    try:
        await check_draft(draft.request, draft.columns, descriptions, context)
    except (UnknownObject, InvalidArgument) as error:
        violations = [
            FieldViolation(_path(path, spelled, violation.field), violation.description)
            for violation in error.violations
        ]
        found.append(type(error)(error.message, metadata=error.metadata, violations=violations))
    return found


def _path(path: str, spelled: dict[str, int], field: str) -> str:
    """Return where something stands in the request for a plan, of where it stands in that for a load."""
    if field.startswith(_HEADER):
        return f"{path}.{field.removeprefix(_HEADER)}"
    place = spelled.get(field.removeprefix(FIELDS).lower())
    return f"{path}.columns" if place is None else f"{path}.columns[{place}]"


def _references(
    draft: LoadDraft, sobject: SObject, sobjects: Sequence[SObject], written: Sequence[frozenset[str]]
) -> list[LoadReference]:
    """Return the columns of a draft that find what drafts write, whose sObjects and columns in lower case are given."""
    found: list[LoadReference] = []
    for column in draft.columns:
        target, relationship, key = split_column(column)
        field = lookup_field(sobject, relationship) if key else None
        if field is None:
            continue
        parent = parent_name(field, target).lower()
        objects = tuple(name for name in field.referenceTo if not parent or name.lower() == parent)
        loads = tuple(_writing(objects, key, sobjects, written))
        if loads:
            found.append(LoadReference(column, field.name, objects, key, loads))
    return found


def _writing(
    objects: Iterable[str], key: str, sobjects: Sequence[SObject], written: Sequence[frozenset[str]]
) -> Iterator[int]:
    """Yield the drafts that write records of some sObjects together with a field that finds them."""
    wanted, key = {name.lower() for name in objects}, key.lower()
    for load, (sobject, columns) in enumerate(zip(sobjects, written, strict=True)):
        if sobject.name.lower() in wanted and key in columns:
            yield load


def _bar(draft: LoadDraft, field: Field) -> str:
    """Return why a lookup cannot be set when the other columns are written; empty if it can."""
    if draft.operation is Operation.INSERT:
        return _NO_KEY
    is_needed = draft.operation is Operation.UPSERT and field.is_required
    return _NEEDED if is_needed or not field.updateable else ""


def _step(
    load: int,
    draft: LoadDraft,
    sobject: SObject,
    references: Sequence[LoadReference],
    deferred: set[tuple[int, str]],
    *,
    is_second: bool = False,
) -> LoadStep:
    key = draft.request.needed_column.lower()
    columns = tuple(
        column
        for column in draft.columns
        if ((load, column) in deferred) is is_second or (is_second and column.lower() == key)
    )
    told = tuple(
        LoadReference(
            each.column,
            each.field,
            each.parent_objects,
            each.external_id_field,
            each.parent_loads,
            is_deferred=(load, each.column) in deferred,
        )
        for each in references
    )
    return LoadStep(load, draft, is_second, columns, told, _parent_column(columns, sobject))


def _parent_column(columns: Sequence[str], sobject: SObject) -> str:
    """Return the column by whose records rows lock each other's parents; one that every row needs before others."""
    found = [
        (not field.is_required, place)
        for place, column in enumerate(columns)
        if (field := _lookup(column, sobject)) is not None and locks_parent(field)
    ]
    return columns[min(found)[1]] if found else ""


def _lookup(column: str, sobject: SObject) -> Field | None:
    _, name, key = split_column(column)
    if key:
        return lookup_field(sobject, name)
    field = sobject.fields.get(column.lower())
    return field if field is not None and field.type == _REFERENCE else None
