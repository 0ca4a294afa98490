"""What a query reads: every sObject and every field of one, as Salesforce spells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.errors import UnknownObject
from service.query.planner import NAME_FIELDS, Describe
from service.salesforce.calls.describe import Field, SObject
from service.soql import reads, walk
from service.soql.ast import Position, Query, TypeOf

_NAME = "Name"
"""What stands behind a lookup to records of several sObjects (Object Reference, "Name")."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that a query reads."""

    sobject: str
    """The one that has it; `Name` behind a lookup to records of several sObjects."""
    name: str
    field: Field | None
    """None for a field of `Name`."""
    at: Position


@dataclass(frozen=True, slots=True)
class References:
    """What a query reads."""

    objects: tuple[str, ...]
    """Each once, in the order of the text."""
    fields: tuple[Reference, ...]
    """As often as they are used."""

    @property
    def field_names(self) -> tuple[str, ...]:
        """Each field once, `Object.Field`."""
        return tuple(dict.fromkeys(f"{found.sobject}.{found.name}" for found in self.fields))


async def references(query: Query, describe: Describe) -> References:
    """Return what a query reads. Names that no description has are left out: Salesforce refuses them.

    Args:
        query: The query, FIELDS() spelled out.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: An sObject cannot be described, though it may be known.

    """
    found = _Found(describe)
    for name in reads.objects(query):
        await found.object(name)
    branches = {path.at for entry in _typeofs(query) for path in walk.typeof_paths(entry)}
    for use in reads.fields(query):
        if use.at not in branches:
            await found.path(await source_of(use.source, found.describe), use.path, use.at)
    for entry in _typeofs(query):
        for branch in entry.branches:
            sobject = await found.object(branch.sobject)
            for path in branch.fields:
                await found.path(sobject, path.names, path.at)
        for path in entry.otherwise:
            await found.path(None, path.names, path.at)
    return References(tuple(found.objects.values()), tuple(found.fields))


async def source_of(names: Sequence[str], describe: Describe) -> SObject | None:
    """Return what a path starts at: an sObject, followed by child relationships; None if one of them is not known.

    Args:
        names: As `FieldUse.source` has them.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: An sObject cannot be described, though it may be known.

    """
    try:
        sobject = await describe(names[0])
        for name in names[1:]:
            child = sobject.children.get(name.lower())
            if child is None:
                return None
            sobject = await describe(child.sobject)
    except UnknownObject:
        return None
    return sobject


class _Found:
    """What was found so far."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self.objects: dict[str, str] = {}
        self.fields: list[Reference] = []

    async def describe(self, name: str) -> SObject:
        """Describe an sObject and take note of it."""
        sobject = await self._describe(name)
        self.objects.setdefault(sobject.name.lower(), sobject.name)
        return sobject

    async def object(self, name: str) -> SObject | None:
        """Take note of an sObject; None if there is none."""
        return await source_of([name], self.describe)

    async def path(self, sobject: SObject | None, names: Sequence[str], at: Position) -> None:
        """Take note of a field; None is the Name object."""
        is_known = sobject is not None
        for name in names[:-1]:
            if sobject is None:
                continue
            lookup = sobject.relationships.get(name.lower())
            if lookup is None:
                return
            is_known = len(lookup.referenceTo) == 1
            sobject = await self.object(lookup.referenceTo[0]) if is_known else None
        if sobject is not None:
            field = sobject.fields.get(names[-1].lower())
            if field is not None:
                self.fields.append(Reference(sobject.name, field.name, field, at))
        elif not is_known:
            self.objects.setdefault(_NAME.lower(), _NAME)
            self.fields.append(Reference(_NAME, NAME_FIELDS.get(names[-1].lower(), names[-1]), None, at))


def _typeofs(query: Query) -> Iterator[TypeOf]:
    for entry in query.select:
        if isinstance(entry, TypeOf):
            yield entry
    for inner in walk.inner(query):
        yield from _typeofs(inner)
