"""sObject Tree: up to 200 records with their children, created in one call or not at all.

Source: Salesforce REST API, "sObject Tree".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault, unknown_object, unparsable
from service.emulator.json_text import parse_object
from service.emulator.routes.composite_order import list_in, refused, too_many
from service.emulator.routing import Router
from service.emulator.schema.model import ChildRelationship, Schema, SObject

MAXIMUM_RECORDS = 200
MAXIMUM_TYPES = 5
MAXIMUM_LEVELS = 5


@dataclass(slots=True)
class _Record:
    reference_id: str
    sobject: SObject
    values: dict[str, object]
    children: list[tuple[ChildRelationship, Any]]
    """How they point back here, and the children as given."""
    parent: "_Record | None" = None
    field: str = ""
    """The field that points at the parent."""
    id: str = ""


class _RolledBack(Exception):
    def __init__(self, results: list[dict[str, object]]) -> None:
        super().__init__("rolled back")
        self.results = results


def add_to(router: Router[OrgCall]) -> None:
    """Add the tree resource."""
    router.add("composite/tree/{sobject}", post=_create)


async def _create(call: OrgCall) -> Answer:
    body = parse_object(await call.body.read())
    root = call.tenant.org.schema.sobject(call.parameters["sobject"])
    if root is None:
        raise unknown_object()
    levels = _levels(call.tenant.org.schema, root, list_in(body, "records"))
    try:
        with call.tenant.org.savepoint():
            for level in levels:
                _insert(call, level)
    except _RolledBack as failure:
        return Answer(400, {"hasErrors": True, "results": failure.results})
    results = [{"referenceId": record.reference_id, "id": record.id} for level in levels for record in level]
    return Answer(201, {"hasErrors": False, "results": results})


def _insert(call: OrgCall, level: Sequence[_Record]) -> None:
    """Create the records of a level; those refused are named together, and nothing stays written then."""
    refusals: list[dict[str, object]] = []
    for record in level:
        link = {record.field: record.parent.id} if record.parent else {}
        try:
            record.id = call.tenant.writer.create(record.sobject.name, record.values | link, user_id=call.user_id)
        except SalesforceFault as fault:
            if fault.error_code == "JSON_PARSER_ERROR":
                raise
            error = {"statusCode": fault.error_code, "message": fault.message, "fields": list(fault.fields)}
            refusals.append({"referenceId": record.reference_id, "errors": [error]})
    if refusals:
        raise _RolledBack(refusals)


def _levels(schema: Schema, root: SObject, entries: Sequence[Any]) -> list[list[_Record]]:
    """Return the records by their distance from the roots."""
    level = [_record(schema, root, entry) for entry in entries]
    levels = [level]
    while children := list(_children(schema, level)):
        levels.append(children)
        level = children
        if len(levels) > MAXIMUM_LEVELS:
            raise too_many(f"A tree may be at most {MAXIMUM_LEVELS} levels deep")
    records = [record for level in levels for record in level]
    if len(records) > MAXIMUM_RECORDS:
        raise too_many(f"A tree may have at most {MAXIMUM_RECORDS} records")
    if len({record.sobject.name for record in records}) > MAXIMUM_TYPES:
        raise too_many(f"A tree may have records of at most {MAXIMUM_TYPES} types")
    seen: set[str] = set()
    for record in records:
        if record.reference_id in seen:
            raise refused(f"Duplicate ReferenceId provided in the request: {record.reference_id}")
        seen.add(record.reference_id)
    return levels


def _children(schema: Schema, level: Iterable[_Record]) -> Iterable[_Record]:
    for parent in level:
        for relationship, entry in parent.children:
            child = _record(schema, schema.sobject(relationship.child_sobject), entry)
            child.parent, child.field = parent, relationship.field
            yield child


def _record(schema: Schema, wanted: SObject | None, entry: Any) -> _Record:
    attributes = entry.get("attributes") if isinstance(entry, dict) else None
    if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
        raise unparsable("The attributes of a record have to name its type")
    sobject = schema.sobject(attributes["type"])
    if sobject is None or sobject is not wanted:
        raise SalesforceFault(400, "INVALID_TYPE", f"sObject type '{attributes['type'][:255]}' is not supported.")
    reference_id = attributes.get("referenceId")
    if not isinstance(reference_id, str) or not reference_id:
        raise refused("Include a reference ID for each record in the request.")
    values, children = _parts(sobject, entry)
    return _Record(reference_id[:255], sobject, values, children)


def _parts(sobject: SObject, entry: Mapping[str, Any]) -> tuple[dict[str, object], list[tuple[ChildRelationship, Any]]]:
    """Tell a record's own values from its children, which stand under the name of their relationship."""
    values: dict[str, object] = {}
    children: list[tuple[ChildRelationship, Any]] = []
    for name, value in entry.items():
        relationship = sobject.child_relationship(name) if isinstance(value, dict) and "records" in value else None
        if relationship is not None:
            children += [(relationship, child) for child in list_in(value, "records")]
        elif name != "attributes":
            values[name] = value
    return values, children
