"""Composite calls, without a server."""

from typing import Any

import pytest

from service.emulator.exchange import OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.routes import collections, describe, query, sobjects
from service.emulator.routes.composite import CompositeRoutes
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequests
from tests.support.emulation import call

BASE = "/services/data/v66.0"
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


@pytest.fixture
def send(tenant):
    """Send subrequests in one composite call and return its results."""
    router: Router[OrgCall] = Router()
    CompositeRoutes(Subrequests(router)).add_to(router)
    for family in (query, collections, describe, sobjects):
        family.add_to(router)

    async def send(*subrequests, **options):
        body = {"compositeRequest": list(subrequests), **options}
        answer = await call(router, tenant, "POST", "composite", body=body)
        assert answer.status == 200
        value: Any = answer.value
        return value["compositeResponse"]

    return send


def sub(reference_id, method, path, body=None, **members):
    entry = {"method": method, "url": f"{BASE}/{path}", "referenceId": reference_id, **members}
    return entry if body is None else {**entry, "body": body}


def statuses(results) -> list[int]:
    return [result["httpStatusCode"] for result in results]


def count(tenant, sobject="Account") -> int:
    return int(tenant.org.query(f"SELECT COUNT() FROM {sobject}").total_size)


async def refusal(awaitable) -> tuple[int, str]:
    with pytest.raises(SalesforceFault) as caught:
        await awaitable
    return caught.value.http_status, caught.value.error_code


ACCOUNT = sub("account", "POST", "sobjects/Account", {"Name": "Acme"})
BAD = sub("bad", "POST", "sobjects/Account", {"Phone": "1"})


async def test_later_subrequests_use_earlier_answers(send, tenant):
    """References work in bodies and URLs, and every answer is what the call alone would be."""
    contact = sub("contact", "POST", "sobjects/Contact", {"LastName": "Smith", "AccountId": "@{account.id}"})
    found = sub("found", "GET", "query?q=SELECT Id, LastName FROM Contact WHERE AccountId = '@{account.id}'")
    back = sub("back", "GET", "sobjects/Contact/@{found.records[0].Id}?fields=AccountId,LastName")
    change = sub("change", "PATCH", "sobjects/Account/@{account.id}", {"Description": "of @{back.LastName}"})

    results = await send(ACCOUNT, contact, found, back, change)

    account_id = results[0]["body"]["id"]
    assert [201, 201, 200, 200, 204] == statuses(results)
    assert ["account", "contact", "found", "back", "change"] == [result["referenceId"] for result in results]
    assert {"Location": f"{BASE}/sobjects/Account/{account_id}"} == results[0]["httpHeaders"]
    assert results[3]["body"]["AccountId"] == account_id
    assert {"body": None, "httpHeaders": {}, "httpStatusCode": 204, "referenceId": "change"} == results[4]
    assert tenant.org.get("Account", account_id)["Description"] == "of Smith"


async def test_the_record_s_own_url_is_a_url(send):
    """A URL may be nothing but a reference to one."""
    found = sub("found", "GET", "query?q=SELECT+Id+FROM+Account")
    back = {"method": "GET", "url": "@{found.records[0].attributes.url}", "referenceId": "back"}

    results = await send(ACCOUNT, found, back)

    assert results[2]["body"]["Name"] == "Acme"


async def test_independent_subrequests_go_on(send, tenant):
    """Without allOrNone a failure leaves its neighbours alone and halts only those that refer to it."""
    dependent = sub("dependent", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{bad.id}"})

    results = await send(BAD, dependent, ACCOUNT)

    assert [400, 400, 201] == statuses(results)
    assert results[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    text = "Invalid reference specified. No value for bad.id found in bad"
    assert [{"errorCode": "PROCESSING_HALTED", "message": text}] == results[1]["body"]
    assert count(tenant) == 1


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_all_or_none(send, tenant, place):
    """With allOrNone the failing one keeps its error, all others say why they went, and nothing stays."""
    subrequests = [ACCOUNT, {**ACCOUNT, "referenceId": "other"}]
    subrequests.insert(place, BAD)

    results = await send(*subrequests, allOrNone=True)

    halted = [{"errorCode": "PROCESSING_HALTED", "message": ROLLED_BACK}]
    others = [result["body"] for result in results if result["referenceId"] != "bad"]
    assert [400, 400, 400] == statuses(results)
    assert [halted, halted] == others
    assert results[place]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert all(result["httpHeaders"] == {} for result in results)
    assert count(tenant) == 0


async def test_all_or_none_that_succeeds(send, tenant):
    """With allOrNone and no failure everything stays."""
    contact = sub("contact", "POST", "sobjects/Contact", {"LastName": "Smith", "AccountId": "@{account.id}"})

    assert [201, 201] == statuses(await send(ACCOUNT, contact, allOrNone=True))
    assert count(tenant) == 1


async def test_several_matches_undo_an_all_or_none_call(send, tenant):
    """An upsert that matches several records wrote nothing, so nothing stays; its own answer is still 300."""
    for _ in range(2):
        tenant.org.create("Contact", {"LastName": "x", "Email": "a@b.example"}, user_id=tenant.org.admin_id)
    upsert = sub("upsert", "PATCH", "sobjects/Contact/Email/a@b.example", {"LastName": "y"})

    results = await send(ACCOUNT, upsert, allOrNone=True)

    assert statuses(results)[0] == 400
    assert statuses(results)[1] in {300, 404}
    assert count(tenant) == 0


def rows(*names, **options):
    return {"records": [{"attributes": {"type": "Account"}, **({"Name": n} if n else {})} for n in names], **options}


async def test_a_collection_inside(send, tenant):
    """The outer allOrNone rules over the inner one: a refused row undoes all, though its neighbours look written."""
    collection = sub("rows", "POST", "composite/sobjects", rows("a", ""))

    results = await send(ACCOUNT, collection, allOrNone=True)

    assert [400, 200] == statuses(results)
    assert [True, False] == [row["success"] for row in results[1]["body"]]
    assert count(tenant) == 0


@pytest.mark.parametrize(("inner", "kept"), [(True, 1), (False, 2)])
async def test_a_collection_keeps_its_own_flag(send, tenant, inner, kept):
    """Without the outer allOrNone the inner one is in force."""
    await send(ACCOUNT, sub("rows", "POST", "composite/sobjects", rows("a", "", allOrNone=inner)))

    assert kept == count(tenant)


async def test_rows_of_a_collection_are_referred_to_by_place(send, tenant):
    """The answer of a collection is an array, and so its references start with an index."""
    collection = sub("rows", "POST", "composite/sobjects", rows("a", "b"))
    contact = sub("contact", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{rows[1].id}"})

    await send(collection, contact)

    found = tenant.org.query("SELECT Account.Name FROM Contact").rows
    assert [row["Account"]["Name"] for row in found] == ["b"]


@pytest.mark.parametrize("path", ["limits", "composite", "jobs/ingest", "../../oauth2/token", "nope"])
async def test_other_resources_are_unknown(send, path):
    """Only rows, queries and collections may be asked for; another URL fails alone."""
    results = await send(sub("x", "GET", path), ACCOUNT)

    assert [404, 201] == statuses(results)
    assert results[0]["body"][0]["errorCode"] == "NOT_FOUND"


@pytest.mark.parametrize("url", ["/services/data/v1.0/sobjects/Account", "https://x.example/", "sobjects", "/services"])
async def test_other_urls_are_unknown(send, url):
    """A URL has to be below a version the org speaks."""
    results = await send({"method": "GET", "url": url, "referenceId": "x"})

    assert [404] == statuses(results)


async def test_a_method_the_resource_lacks(send):
    """A subrequest gets the same 405 as a call."""
    results = await send(sub("x", "PUT", "sobjects/Account", {"Name": "x"}))

    assert [405] == statuses(results)


async def test_headers_reach_the_subrequest(send, tenant):
    """A subrequest's own headers count, whatever their case."""
    for number in range(201):
        tenant.org.create("Account", {"Name": f"{number}"}, user_id=tenant.org.admin_id)
    headers = {"sforce-query-options": "batchSize=200"}

    results = await send(sub("x", "GET", "query?q=SELECT Id FROM Account", httpHeaders=headers))

    assert (results[0]["body"]["done"], len(results[0]["body"]["records"])) == (False, 200)


MANY = [{**ACCOUNT, "referenceId": f"r{n}"} for n in range(26)]
QUERIES = [sub(f"q{n}", "GET", "query?q=SELECT Id FROM Account") for n in range(6)]


@pytest.mark.parametrize(
    "subrequests",
    [
        MANY,
        QUERIES,
        [],
        ["x"],
        [ACCOUNT, ACCOUNT],
        [{**ACCOUNT, "referenceId": "no-hyphen"}],
        [{**ACCOUNT, "referenceId": 5}],
        [{**ACCOUNT, "method": "post"}],
        [{**ACCOUNT, "method": "HEAD"}],
        [{**ACCOUNT, "url": None}],
        [{**ACCOUNT, "extra": 1}],
        [{**ACCOUNT, "httpHeaders": [1]}],
        [{**ACCOUNT, "httpHeaders": {"a": 1}}],
        *([{**ACCOUNT, "httpHeaders": {name: "x"}}] for name in ("Accept", "authorization", "Content-Type")),
    ],
)
async def test_refused_as_a_whole(send, tenant, subrequests):
    """A call that breaks a limit or a rule is refused before anything is written."""
    status, code = await refusal(send(*subrequests))

    assert status == 400
    assert code in {"LIMIT_EXCEEDED", "INVALID_INPUT", "JSON_PARSER_ERROR"}
    assert count(tenant) == 0


@pytest.mark.parametrize("options", [{"allOrNone": "yes"}, {"collateSubrequests": 1}, {"allornone": True}])
async def test_refused_options(send, options):
    """An option of the wrong name or type is bad JSON."""
    assert (400, "JSON_PARSER_ERROR") == await refusal(send(ACCOUNT, **options))


async def test_the_most_there_may_be(send, tenant):
    """25 subrequests and 5 queries are allowed."""
    assert [201] * 20 + [200] * 5 == statuses(await send(*MANY[:20], *QUERIES[:5], collateSubrequests=False))
    assert count(tenant) == 20
