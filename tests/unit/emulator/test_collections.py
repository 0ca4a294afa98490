"""sObject Collections, without a server."""

import pytest

from service.emulator.exchange import OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.routes import collections
from service.emulator.routing import Router
from tests.support.emulation import call

PATH = "composite/sobjects"


@pytest.fixture
def send(tenant):
    """Send a call to the collection resources."""
    router: Router[OrgCall] = Router()
    collections.add_to(router)

    async def send(method, path, body=None, **query):
        return (await call(router, tenant, method, path, body=body, query=query)).value

    return send


def records(*rows, sobject="Contact", **options):
    return {"records": [{"attributes": {"type": sobject}, **row} for row in rows], **options}


def codes(results) -> list[str | None]:
    return [None if result["success"] else result["errors"][0]["statusCode"] for result in results]


async def refusal(awaitable) -> tuple[int, str]:
    with pytest.raises(SalesforceFault) as caught:
        await awaitable
    return caught.value.http_status, caught.value.error_code


def names(tenant) -> set[str]:
    return {row["LastName"] for row in tenant.org.query("SELECT LastName FROM Contact").rows}


async def test_results_keep_the_order(send, tenant):
    """One result for each row in its place; a bad row leaves its neighbours alone and has no id."""
    results = await send("POST", PATH, records({"LastName": "a"}, {"FirstName": "b"}, {"LastName": "c"}))

    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", None]
    assert {"success", "errors"} == set(results[1])
    assert {"statusCode", "message", "fields"} == set(results[1]["errors"][0])
    assert {"id", "success", "errors"} == set(results[0])
    assert {"a", "c"} == names(tenant)


async def test_all_or_none(send, tenant):
    """With allOrNone nothing stays; the bad row keeps its own error and the others say why they went."""
    body = records({"LastName": "a"}, {"FirstName": "b"}, {"LastName": "c"}, allOrNone=True)

    results = await send("POST", PATH, body)

    rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert [rolled_back, "REQUIRED_FIELD_MISSING", rolled_back] == codes(results)
    assert set() == names(tenant)


async def test_all_or_none_that_succeeds(send, tenant):
    """With allOrNone and only good rows everything stays."""
    assert codes(await send("POST", PATH, records({"LastName": "a"}, {"LastName": "b"}, allOrNone=True))) == [
        None,
        None,
    ]
    assert {"a", "b"} == names(tenant)


async def test_an_unknown_field_refuses_the_call(send, tenant):
    """JSON that names an unknown field is bad for the whole call, whatever row it is in."""
    answer = await refusal(send("POST", PATH, records({"LastName": "a"}, {"LastName": "b", "Nope__c": 1})))

    assert answer == (400, "INVALID_FIELD")
    assert set() == names(tenant)


async def test_a_wrong_type_refuses_the_call(send, tenant):
    """A value of a type its field cannot take is bad for the whole call too, and undoes earlier rows."""
    answer = await refusal(send("POST", PATH, records({"LastName": "a"}, {"LastName": "b", "Birthdate": "soon"})))

    assert answer == (400, "JSON_PARSER_ERROR")
    assert set() == names(tenant)


async def test_two_hundred_rows(send):
    """200 rows are taken, 201 are not."""
    rows = [{"LastName": str(number)} for number in range(201)]

    assert codes(await send("POST", PATH, records(*rows[:200]))) == [None] * 200
    assert await refusal(send("POST", PATH, records(*rows))) == (400, "EXCEEDED_ID_LIMIT")


async def test_ten_chunks(send):
    """Equal neighbours are a chunk; ten chunks are taken, eleven are not, whatever the number of rows."""
    account = {"attributes": {"type": "Account"}, "Name": "a"}
    contact = {"attributes": {"type": "Contact"}, "LastName": "c"}

    ten = await send("POST", PATH, {"records": [account, account, contact] * 5})
    eleven = await refusal(send("POST", PATH, {"records": [account, contact] * 5 + [account]}))

    assert codes(ten) == [None] * 15
    assert eleven[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": {}},
        {"records": [1]},
        {"records": [{"LastName": "a"}]},
        {"records": [{"attributes": {}, "LastName": "a"}]},
        {"records": [{"attributes": {"type": 1}, "LastName": "a"}]},
        {"records": [], "allOrNone": "yes"},
    ],
)
async def test_bodies_of_the_wrong_shape(send, body):
    """A body of another shape is refused as bad JSON."""
    assert await refusal(send("POST", PATH, body)) == (400, "JSON_PARSER_ERROR")


async def test_an_unknown_type(send):
    """A record of an unknown sObject refuses the call."""
    assert await refusal(send("POST", PATH, records({"Name": "x"}, sobject="Nope"))) == (400, "INVALID_TYPE")


async def test_an_update(send, tenant):
    """Rows are updated by id in either length and any case of `Id`; one without an id fails alone."""
    first, second = (each["id"] for each in await send("POST", PATH, records({"LastName": "a"}, {"LastName": "b"})))

    body = records({"id": first[:15], "LastName": "A"}, {"LastName": "x"}, {"Id": second, "LastName": "B"})
    results = await send("PATCH", PATH, body)

    assert codes(results) == [None, "MISSING_ARGUMENT", None]
    assert [first, second] == [result["id"] for result in results if result["success"]]
    assert {"A", "B"} == names(tenant)


async def test_the_same_record_twice_in_an_update(send, tenant):
    """Both rows of one record fail and its neighbour goes through."""
    first, second = (each["id"] for each in await send("POST", PATH, records({"LastName": "a"}, {"LastName": "b"})))

    body = records({"id": first, "LastName": "1"}, {"id": second, "LastName": "B"}, {"id": first[:15], "LastName": "2"})

    assert codes(await send("PATCH", PATH, body)) == ["DUPLICATE_VALUE", None, "DUPLICATE_VALUE"]
    assert {"a", "B"} == names(tenant)


async def test_an_upsert(send, tenant):
    """Keys are created or updated, and the result says which; a row without a key fails alone."""
    await send("POST", PATH, records({"LastName": "a", "Ext__c": "c-1"}))

    results = await send(
        "PATCH",
        f"{PATH}/Contact/ext__c",
        records({"LastName": "A", "Ext__c": "C-1"}, {"LastName": "b", "EXT__C": "c-2"}, {"LastName": "c"}),
    )

    assert codes(results) == [None, None, "MISSING_ARGUMENT"]
    assert [result["created"] for result in results[:2]] == [False, True]
    assert {"A", "b"} == names(tenant)


async def test_the_same_key_twice_in_an_upsert(send, tenant):
    """Both rows of one key fail, compared without case, and say which key."""
    body = records({"LastName": "a", "Ext__c": "K"}, {"LastName": "b", "Ext__c": "k"}, {"LastName": "c", "Ext__c": "j"})

    results = await send("PATCH", f"{PATH}/Contact/Ext__c", body)

    assert codes(results) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", None]
    assert results[0]["errors"][0]["message"] == "Duplicate external id specified: K"
    assert {"c"} == names(tenant)


async def test_an_upsert_by_id(send, tenant):
    """With `Id` as key a null creates, as recorded traffic shows, and an id updates."""
    [created] = await send("PATCH", f"{PATH}/Contact/Id", records({"LastName": "a", "Id": None}))
    [updated] = await send("PATCH", f"{PATH}/Contact/Id", records({"LastName": "A", "Id": created["id"]}))

    assert (created["created"], updated["created"]) == (True, False)
    assert created["id"] == updated["id"]
    assert {"A"} == names(tenant)


@pytest.mark.parametrize("path", ["Contact/Phone", "Contact/Nope", "Nope/Ext__c"])
async def test_an_upsert_by_no_key(send, path):
    """A field that is no key, or an unknown sObject, is an unknown resource."""
    assert await refusal(send("PATCH", f"{PATH}/{path}", records({"LastName": "a"}))) == (404, "NOT_FOUND")


async def test_an_upsert_of_another_type(send):
    """All rows of an upsert are of the sObject in the path."""
    body = records({"Name": "a", "Ext__c": "1"}, sobject="Account")

    assert await refusal(send("PATCH", f"{PATH}/Contact/Ext__c", body)) == (400, "INVALID_TYPE")


async def test_a_delete(send, tenant):
    """Rows are deleted by id; unknown ids and repeats fail in their place."""
    [made] = await send("POST", PATH, records({"LastName": "a"}))

    results = await send("DELETE", PATH, ids=f"{made['id']},xyz,{made['id']}")

    assert codes(results) == [None, "MALFORMED_ID", "ENTITY_IS_DELETED"]
    assert set() == names(tenant)


async def test_a_delete_of_all_or_none(send, tenant):
    """A delete with allOrNone that meets a bad id deletes nothing."""
    [made] = await send("POST", PATH, records({"LastName": "a"}))

    results = await send("DELETE", PATH, ids=f"{made['id']},xyz", allOrNone="true")

    assert codes(results) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    assert {"a"} == names(tenant)


async def test_a_retrieve(send):
    """Rows come in the order of the ids, with null for those that are not there, by GET and by POST."""
    first, second = (each["id"] for each in await send("POST", PATH, records({"LastName": "a"}, {"LastName": "b"})))
    missing = first[:14] + "Z"
    ids = [second, missing, first]

    by_get = await send("GET", f"{PATH}/Contact", ids=",".join(ids), fields="id,lastname")
    by_post = await send("POST", f"{PATH}/Contact", {"ids": ids, "fields": ["Id", "LastName"]})

    assert by_get == by_post
    assert [row and row["LastName"] for row in by_get] == ["b", None, "a"]


async def test_a_retrieve_that_is_refused(send):
    """An unknown field, too many ids and a missing list are faults of the call."""
    [made] = await send("POST", PATH, records({"LastName": "a"}))

    assert await refusal(send("GET", f"{PATH}/Contact", ids=made["id"], fields="Nope")) == (400, "INVALID_FIELD")
    many = {"ids": [made["id"]] * 2001, "fields": ["Id"]}
    assert await refusal(send("POST", f"{PATH}/Contact", many)) == (400, "EXCEEDED_ID_LIMIT")
    assert (await refusal(send("POST", f"{PATH}/Contact", {"ids": [made["id"]]})))[0] == 400
    assert (await refusal(send("POST", f"{PATH}/Contact", {"ids": made["id"], "fields": ["Id"]})))[0] == 400


async def test_row_locks(send, tenant):
    """A scripted lock hits the row it is meant for."""
    tenant.writer.disturbances.lock_rows(1, skip=1)

    results = await send("POST", PATH, records({"LastName": "a"}, {"LastName": "b"}, {"LastName": "c"}))

    assert codes(results) == [None, "UNABLE_TO_LOCK_ROW", None]


async def test_setup_objects_share_no_call_with_others(send, tenant):
    """Rows that are not of the kind of the first fail, with a text that names both; the others are written."""
    group, contact = (
        {"attributes": {"type": "Group"}, "Name": "g"},
        {"attributes": {"type": "Contact"}, "LastName": "c"},
    )

    others_first = await send("POST", PATH, {"records": [contact, group, contact]})
    setup_first = await send("POST", PATH, {"records": [group, group, contact]})

    assert [None, "MIXED_DML_OPERATION", None] == codes(others_first)
    assert [None, None, "MIXED_DML_OPERATION"] == codes(setup_first)
    assert setup_first[2]["errors"][0]["message"].endswith("Contact, original object: Group")
    assert {"c"} == names(tenant)


async def test_setup_objects_in_updates_and_deletes(send, tenant):
    """Updates and deletes mix no more than creates, and with allOrNone nothing stays."""
    [made] = await send("POST", PATH, records({"LastName": "a"}))
    [group] = await send("POST", PATH, records({"Name": "g"}, sobject="Group"))
    rows = [
        {"attributes": {"type": "Contact"}, "Id": made["id"], "LastName": "b"},
        {"attributes": {"type": "Group"}, "Id": group["id"], "Name": "h"},
    ]

    updated = await send("PATCH", PATH, {"records": rows, "allOrNone": True})
    deleted = await send("DELETE", PATH, ids=f"{made['id']},xyz,{group['id']}")

    assert ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MIXED_DML_OPERATION"] == codes(updated)
    assert [None, "MALFORMED_ID", "MIXED_DML_OPERATION"] == codes(deleted)


async def test_a_unique_value_that_another_record_has(send):
    """The row fails with the field and the id of the record that has the value."""
    [holder] = await send("POST", PATH, records({"LastName": "a", "Ext__c": "K"}))

    results = await send("POST", PATH, records({"LastName": "b", "Ext__c": "k"}, {"LastName": "c", "Ext__c": "L"}))

    assert ["DUPLICATE_VALUE", None] == codes(results)
    text = f"duplicate value found: Ext__c duplicates value on record with id: {holder['id']}"
    assert text == results[0]["errors"][0]["message"]
