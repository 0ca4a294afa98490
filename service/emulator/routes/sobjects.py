"""Single rows: by id, and by external id."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import MultipleMatches
from service.emulator.json_text import parse_object
from service.emulator.routing import Router


def add_to(router: Router[OrgCall]) -> None:
    """Add the row resources."""
    router.add("sobjects/{sobject}", get=_about, post=_create)
    # A row cannot have the id `Id`, so Salesforce reads it as "upsert without a key".
    router.add("sobjects/{sobject}/Id", post=_create)
    router.add("sobjects/{sobject}/{id}", get=_get, patch=_update, delete=_delete)
    router.add("sobjects/{sobject}/{field}/{value}", get=_get_by_key, patch=_upsert, delete=_delete_by_key)


async def _about(call: OrgCall) -> Answer:
    info = call.tenant.org.sobject_info(call.parameters["sobject"], call.version)
    return Answer(value={"objectDescribe": info, "recentItems": []})


async def _create(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    sobject = call.parameters["sobject"]
    record_id = call.tenant.writer.create(sobject, values, user_id=call.user_id)
    return Answer(201, {"id": record_id, "success": True, "errors": []}, _location(call, sobject, record_id))


async def _get(call: OrgCall) -> Answer:
    record = call.tenant.org.get(
        call.parameters["sobject"], call.parameters["id"], _fields(call), api_version=call.version
    )
    return Answer(value=record)


async def _update(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    call.tenant.writer.update(call.parameters["sobject"], call.parameters["id"], values, user_id=call.user_id)
    return Answer.nothing()


async def _delete(call: OrgCall) -> Answer:
    call.tenant.writer.delete(call.parameters["sobject"], call.parameters["id"], user_id=call.user_id)
    return Answer.nothing()


async def _get_by_key(call: OrgCall) -> Answer:
    sobject, field, value = _key(call)
    try:
        return Answer(
            value=call.tenant.org.get_by_external_id(sobject, field, value, _fields(call), api_version=call.version)
        )
    except MultipleMatches as matches:
        return _choices(call, matches)


async def _upsert(call: OrgCall) -> Answer:
    values = parse_object(await call.body.read())
    sobject, field, value = _key(call)
    update_only = call.query.get("updateOnly", "").lower() == "true"
    try:
        saved = call.tenant.writer.upsert(sobject, field, value, values, user_id=call.user_id, update_only=update_only)
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
    call.tenant.writer.delete(sobject, record_id, user_id=call.user_id)
    return Answer.nothing()


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
