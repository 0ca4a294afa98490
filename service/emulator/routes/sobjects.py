"""Single rows: by id, and by external id."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import MultipleMatches, SalesforceFault
from service.emulator.json_text import parse_object
from service.emulator.routes import preconditions
from service.emulator.routing import Router
from service.emulator.write_options import WriteOptions, write_options


def add_to(router: Router[OrgCall]) -> None:
    """Add the row resources."""
    router.add("sobjects/{sobject}", get=_about, post=_create)
    # A row cannot have the id `Id`, so Salesforce reads it as "upsert without a key".
    router.add("sobjects/{sobject}/Id", post=_create)
    router.add("sobjects/{sobject}/{id}", get=_get, patch=_update, delete=_delete)
    router.add("sobjects/{sobject}/{field}/{value}", get=_get_by_key, patch=_upsert, delete=_delete_by_key)


async def _about(call: OrgCall) -> Answer:
    org, sobject = call.tenant.org, call.parameters["sobject"]
    info = org.sobject_info(sobject, call.version)
    recent = org.recent_items(sobject, user_id=call.user_id, api_version=call.version)
    return Answer(value={"objectDescribe": info, "recentItems": recent})


async def _create(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    sobject = call.parameters["sobject"]
    record_id = call.tenant.writer.create(sobject, values, user_id=call.user_id, options=_options(call))
    return Answer(201, {"id": record_id, "success": True, "errors": []}, _location(call, sobject, record_id))


async def _get(call: OrgCall) -> Answer:
    return _record(call, call.parameters["sobject"], call.parameters["id"])


async def _update(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    sobject, record_id = call.parameters["sobject"], call.parameters["id"]
    _refuse_changed(call, sobject, record_id)
    call.tenant.writer.update(sobject, record_id, values, user_id=call.user_id, options=_options(call))
    return Answer.nothing()


async def _delete(call: OrgCall) -> Answer:
    sobject, record_id = call.parameters["sobject"], call.parameters["id"]
    _refuse_changed(call, sobject, record_id)
    call.tenant.writer.delete(sobject, record_id, user_id=call.user_id)
    return Answer.nothing()


async def _get_by_key(call: OrgCall) -> Answer:
    sobject, field, value = _key(call)
    try:
        record_id = call.tenant.org.find(sobject, field, value)
    except MultipleMatches as matches:
        return _choices(call, matches)
    return _record(call, sobject, record_id)


async def _upsert(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    sobject, field, value = _key(call)
    update_only = call.query.get("updateOnly", "").lower() == "true"
    options = _options(call)
    try:
        _refuse_changed_key(call, sobject, field, value)
        saved = call.tenant.writer.upsert(
            sobject, field, value, values, user_id=call.user_id, update_only=update_only, options=options
        )
    except MultipleMatches as matches:
        return _choices(call, matches)
    answer = {"id": saved.id, "success": True, "errors": [], "created": saved.created}
    if not saved.created:
        return Answer(200, answer)
    return Answer(201, answer, _location(call, sobject, saved.id))


async def _delete_by_key(call: OrgCall) -> Answer:
    sobject, field, value = _key(call)
    try:
        record_id = call.tenant.org.find(sobject, field, value)
    except MultipleMatches as matches:
        return _choices(call, matches)
    _refuse_changed(call, sobject, record_id)
    call.tenant.writer.delete(sobject, record_id, user_id=call.user_id)
    return Answer.nothing()


def _record(call: OrgCall, sobject: str, record_id: str) -> Answer:
    org = call.tenant.org
    record = org.get(sobject, record_id, _fields(call), api_version=call.version)
    modified_at = org.modified_at(sobject, record_id)
    return preconditions.unchanged(call, modified_at) or Answer(
        value=record, headers=preconditions.last_modified(modified_at)
    )


def _refuse_changed(call: OrgCall, sobject: str, record_id: str) -> None:
    if preconditions.is_conditional(call):
        preconditions.refuse_changed(call, call.tenant.org.modified_at(sobject, record_id))


def _refuse_changed_key(call: OrgCall, sobject: str, field: str, value: str) -> None:
    """Check the record that an upsert would change; one that it would create has not changed."""
    if not preconditions.is_conditional(call):
        return
    try:
        record_id = call.tenant.org.find(sobject, field, value)
    except SalesforceFault:
        return  # the upsert itself says what is wrong
    _refuse_changed(call, sobject, record_id)


def _options(call: OrgCall) -> WriteOptions:
    return write_options(call.headers, call.version)


def _key(call: OrgCall) -> tuple[str, str, str]:
    return call.parameters["sobject"], call.parameters["field"], call.parameters["value"]


def _fields(call: OrgCall) -> list[str] | None:
    names = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    return names or None


def _location(call: OrgCall, sobject: str, record_id: str) -> dict[str, str]:
    known = call.tenant.org.schema.sobject(sobject)
    name = known.name if known else sobject
    return {"Location": f"{call.base}/sobjects/{name}/{record_id}"}


def _choices(call: OrgCall, matches: MultipleMatches) -> Answer:
    return Answer(300, [f"{call.base}/sobjects/{matches.sobject}/{record_id}" for record_id in matches.record_ids])
