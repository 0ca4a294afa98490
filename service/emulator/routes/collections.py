"""sObject Collections: up to 200 rows written, or 2,000 read, in one call.

Source: Salesforce REST API, "Using sObject Collections". Answers keep the order of the rows; a call that is
understood is answered 200 whatever became of its rows.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from itertools import groupby

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import (
    MultipleMatches,
    SalesforceFault,
    missing_key,
    unknown_field,
    unknown_object,
    unparsable,
)
from service.emulator.ids import normalise
from service.emulator.json_text import parse_object
from service.emulator.org import Saved
from service.emulator.routing import Router
from service.emulator.row_writer import Repetitions, duplicate_external_id, duplicate_id
from service.emulator.schema.model import Field, SObject
from service.emulator.setup_objects import refusals
from service.emulator.write_options import write_options

MAXIMUM_ROWS = 200
MAXIMUM_RETRIEVED = 2000
MAXIMUM_CHUNKS = 10

_ID = Field("Id", "Record ID", "id")
_Write = Callable[[], Saved]
"""Writes one row, or raises its fault."""


class _RolledBack(Exception):
    def __init__(self, results: list[dict[str, object]]) -> None:
        super().__init__("rolled back")
        self.results = results


def add_to(router: Router[OrgCall]) -> None:
    """Add the collection resources."""
    router.add("composite/sobjects", post=_create, patch=_update, delete=_delete)
    router.add("composite/sobjects/{sobject}", get=_retrieve, post=_retrieve_posted)
    router.add("composite/sobjects/{sobject}/{field}", patch=_upsert)


async def _create(call: OrgCall) -> Answer:
    records, all_or_none = await _records(call)
    sobjects = [_sobject_of(call, record) for record in records]
    _check_chunks(sobjects)
    rows = [_values(sobject, record) for sobject, record in zip(sobjects, records, strict=True)]
    options = write_options(call.headers, call.version)

    def write(sobject: SObject, values: Mapping[str, object]) -> _Write:
        return lambda: Saved(
            call.tenant.writer.create(sobject.name, values, user_id=call.user_id, options=options), created=True
        )

    writes = [write(*row) for row in zip(sobjects, rows, strict=True)]
    return _written(call, _unmixed(sobjects, writes), all_or_none=all_or_none)


async def _update(call: OrgCall) -> Answer:
    records, all_or_none = await _records(call)
    sobjects = [_sobject_of(call, record) for record in records]
    _check_chunks(sobjects)
    rows = [_values(sobject, record) for sobject, record in zip(sobjects, records, strict=True)]
    ids = [_long(_pop(values, "Id")) for values in rows]
    twice = Repetitions(_ID, ids)
    options = write_options(call.headers, call.version)

    def write(sobject: SObject, record_id: str, values: Mapping[str, object]) -> _Write:
        def run() -> Saved:
            if not record_id:
                raise missing_key("Id")
            if record_id in twice:
                raise duplicate_id(record_id)
            call.tenant.writer.update(sobject.name, record_id, values, user_id=call.user_id, options=options)
            return Saved(record_id, created=False)

        return run

    writes = [write(*row) for row in zip(sobjects, ids, rows, strict=True)]
    return _written(call, _unmixed(sobjects, writes), all_or_none=all_or_none)


async def _upsert(call: OrgCall) -> Answer:
    records, all_or_none = await _records(call)
    sobject = call.tenant.org.schema.sobject(call.parameters["sobject"])
    if sobject is None:
        raise unknown_object()
    field = sobject.field(call.parameters["field"])
    if field is None or not (field.id_lookup or field.external_id or field.type == "id"):
        raise unknown_object()
    for record in records:
        if _sobject_of(call, record) is not sobject:
            raise SalesforceFault(400, "INVALID_TYPE", f"All records of the call have to be of type {sobject.name}")
    rows = [_values(sobject, record) for record in records]
    by_id = field.type == "id"
    keys = [_long(_pop(values, field.name)) if by_id else _pop(values, field.name) for values in rows]
    twice = Repetitions(field, keys)
    options = write_options(call.headers, call.version)

    def write(key: str, values: Mapping[str, object]) -> _Write:
        def run() -> Saved:
            if key in twice:
                raise duplicate_id(key) if by_id else duplicate_external_id(key, field.name)
            return call.tenant.writer.upsert(
                sobject.name, field.name, key, values, user_id=call.user_id, options=options
            )

        return run

    writes = [write(*row) for row in zip(keys, rows, strict=True)]
    return _written(call, writes, all_or_none=all_or_none, say_created=True)


async def _delete(call: OrgCall) -> Answer:
    ids = [_long(each.strip()) for each in call.query.get("ids", "").split(",") if each.strip()]
    _check_count(len(ids), MAXIMUM_ROWS)
    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    schema = call.tenant.org.schema
    sobjects = [schema.by_key_prefix(record_id[:3]) for record_id in ids]
    _check_chunks([sobject for sobject in sobjects if sobject])

    def write(sobject: SObject | None, record_id: str) -> _Write:
        def run() -> Saved:
            if sobject is None:
                raise SalesforceFault(400, "MALFORMED_ID", f"malformed id {record_id[:255]}")
            call.tenant.writer.delete(sobject.name, record_id, user_id=call.user_id)
            return Saved(record_id, created=False)

        return run

    writes = [write(*row) for row in zip(sobjects, ids, strict=True)]
    return _written(call, _unmixed(sobjects, writes), all_or_none=all_or_none)


async def _retrieve(call: OrgCall) -> Answer:
    ids = [each.strip() for each in call.query.get("ids", "").split(",") if each.strip()]
    fields = [each.strip() for each in call.query.get("fields", "").split(",") if each.strip()]
    return _retrieved(call, ids, fields)


async def _retrieve_posted(call: OrgCall) -> Answer:
    body = parse_object(await call.body.read())
    return _retrieved(call, _strings(body, "ids"), _strings(body, "fields"))


def _retrieved(call: OrgCall, ids: Sequence[str], fields: Sequence[str]) -> Answer:
    if not ids or not fields:
        raise SalesforceFault(400, "MISSING_ARGUMENT", "The ids and fields parameters are required")
    _check_count(len(ids), MAXIMUM_RETRIEVED)
    org, name = call.tenant.org, call.parameters["sobject"]
    if org.schema.sobject(name) is None:
        raise unknown_object()
    found: list[dict[str, object] | None] = []
    for record_id in ids:
        try:
            found.append(org.get(name, record_id, fields, api_version=call.version))
        except SalesforceFault as fault:
            if fault.http_status != HTTPStatus.NOT_FOUND:
                raise
            found.append(None)
    return Answer(value=found)


def _unmixed(sobjects: Sequence[SObject | None], writes: Sequence[_Write]) -> list[_Write]:
    """Return the writes, with refusals in place of those that share no transaction with the first."""
    mixed = refusals([sobject.name if sobject else None for sobject in sobjects])
    return [write if fault is None else partial(_refuse, fault) for fault, write in zip(mixed, writes, strict=True)]


def _refuse(fault: SalesforceFault) -> Saved:
    raise fault


def _written(call: OrgCall, writes: Sequence[_Write], *, all_or_none: bool, say_created: bool = False) -> Answer:
    """Write the rows one after the other and answer for each in its place.

    A value that does not parse as its field's type is a fault of the whole call, as any other bad JSON: nothing stays
    written then.
    """
    try:
        with call.tenant.org.savepoint():
            results = [_outcome(write, say_created=say_created) for write in writes]
            if all_or_none:
                _refuse_failures(results)
    except _RolledBack as rolled_back:
        results = [_rolled_back(result) for result in rolled_back.results]
    return Answer(value=results)


def _refuse_failures(results: list[dict[str, object]]) -> None:
    if not all(result["success"] for result in results):
        raise _RolledBack(results)


def _outcome(write: _Write, *, say_created: bool) -> dict[str, object]:
    try:
        saved = write()
    except SalesforceFault as fault:
        if fault.error_code == "JSON_PARSER_ERROR":
            raise
        return _failures((fault, *fault.also))
    except MultipleMatches as matches:
        text = f"more than one record found for external id field: [{', '.join(matches.record_ids)}]"
        return _failure("DUPLICATE_EXTERNAL_ID", text)
    result: dict[str, object] = {"id": saved.id, "success": True, "errors": []}
    if say_created:
        result["created"] = saved.created
    return result


def _failure(code: str, message: str) -> dict[str, object]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def _failures(faults: Sequence[SalesforceFault]) -> dict[str, object]:
    errors = [{"statusCode": each.error_code, "message": each.message, "fields": list(each.fields)} for each in faults]
    return {"success": False, "errors": errors}


def _rolled_back(result: dict[str, object]) -> dict[str, object]:
    if not result["success"]:
        return result
    return _failure(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )


async def _records(call: OrgCall) -> tuple[list[dict[str, object]], bool]:
    body = parse_object(await call.body.read())
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise unparsable("Cannot deserialize instance of list from the value of records")
    all_or_none = body.get("allOrNone", False)
    if not isinstance(all_or_none, bool):
        raise unparsable("Cannot deserialize instance of boolean from the value of allOrNone")
    _check_count(len(records), MAXIMUM_ROWS)
    return records, all_or_none


def _check_count(count: int, maximum: int) -> None:
    if count > maximum:
        # The code for collections is unverified.
        text = f"record limit reached. cannot submit more than {maximum} records into this call"
        raise SalesforceFault(400, "EXCEEDED_ID_LIMIT", text)


def _check_chunks(sobjects: Sequence[SObject]) -> None:
    if sum(1 for _ in groupby(sobject.name for sobject in sobjects)) > MAXIMUM_CHUNKS:
        # The code is unverified.
        text = (
            f"Cannot have more than {MAXIMUM_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking."
        )
        raise SalesforceFault(400, "LIMIT_EXCEEDED", text)


def _sobject_of(call: OrgCall, record: Mapping[str, object]) -> SObject:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise unparsable("The attributes of a record have to name its type")
    sobject = call.tenant.org.schema.sobject(name)
    if sobject is None:
        text = f"sObject type '{name[:255]}' is not supported."
        raise SalesforceFault(400, "INVALID_TYPE", text)
    return sobject


def _values(sobject: SObject, record: Mapping[str, object]) -> dict[str, object]:
    # An unknown field is bad JSON for the whole call, before any row is tried.
    values = {key: value for key, value in record.items() if key != "attributes"}
    for name in values:
        if sobject.field(name) is None and sobject.relationship(name) is None:
            raise unknown_field(sobject.name, name)
    return values


def _pop(values: dict[str, object], name: str) -> str:
    """Take the value of a field out of a row, whatever the case of its name; empty when absent or null."""
    found = [values.pop(key) for key in list(values) if key.lower() == name.lower()]
    return "" if not found or found[0] is None else str(found[0])


def _long(record_id: str) -> str:
    """Return the 18-character form of an id, or the text as it is when it is none."""
    return normalise(record_id) or record_id


def _strings(body: Mapping[str, object], name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise unparsable(f"Cannot deserialize instance of list from the value of {name}")
    return value
