"""Tokens that die under many calls: one login, and nobody notices."""

import asyncio
from typing import Any

import pytest
from sluicegate.v1.record_service_pb2 import (
    CreateRecordRequest,
    DeleteRecordRequest,
    GetRecordRequest,
    UpdateRecordRequest,
    UpsertRecordRequest,
)

from service.context import CallContext
from service.salesforce.auth.token_cache import Token, TokenCache
from tests.support.record_messages import by_id, by_key, key, text
from tests.support.stage import SAVED, Stage, StageFactory, told, until

LOGIN = "POST services/oauth2/token"
FIELDS = {"LastName": text("Curie"), "Company": text("Radium")}


async def made(stage: Stage, each: int) -> list[str]:
    """Make leads, and let the service have a token and a description; return their ids."""
    org, values = stage.org.org, {"LastName": "Curie", "Company": "Radium"}
    ids = [org.create("Lead", {**values, "Ext__c": f"L-{n}"}, user_id=org.admin_id) for n in range(3 * each)]
    await stage.records.GetRecord(GetRecordRequest(record=by_id("Lead", ids[0])))
    await stage.forget_calls()
    org.writes.forget()
    return ids


async def call_all(stage: Stage, ids: list[str], each: int) -> list[str]:
    """Read, create, upsert, update and delete records at the same time; return what the callers hear."""
    stub, title = stage.records, {"Title": text("Dr")}
    calls: list[Any] = []
    for number in range(each):
        deleted, read = (ids[number + part * each] for part in (1, 2))
        calls += [
            stub.GetRecord(GetRecordRequest(record=by_id("Lead", read))),
            stub.CreateRecord(CreateRecordRequest(object="Lead", fields=FIELDS)),
            stub.UpsertRecord(UpsertRecordRequest(object="Lead", external_id=key(f"N-{number}"), fields=FIELDS)),
            stub.UpdateRecord(UpdateRecordRequest(record=by_key("Lead", f"L-{number}"), fields=title)),
            stub.DeleteRecord(DeleteRecordRequest(record=by_id("Lead", deleted))),
        ]
    return await asyncio.gather(*map(told, calls))


async def renewing(cache: TokenCache, failed: Token | None, context: CallContext) -> Token:
    """Renew a token as the cache does."""
    return await RENEW(cache, failed, context)


async def asking(cache: TokenCache, _failed: Token | None, context: CallContext) -> Token:
    """Ask for a token whoever asks already."""
    cache._token = await cache._request(context)
    return cache._token


RENEW = TokenCache.renew


@pytest.mark.parametrize(("renew", "is_shared", "each"), [(renewing, True, 40), (asking, False, 10)])
async def test_a_token_that_is_revoked_costs_one_login(stage: StageFactory, monkeypatch, renew, is_shared, each):
    """All of 200 calls succeed though it dies under them, and each write has its effect once.

    Without a shared login each call to Salesforce asks for a token of its own, and logins are limited by the hour.
    """
    refused: list[Token | None] = []

    async def noted(cache: TokenCache, failed: Token | None, context: CallContext) -> Any:
        refused.append(failed)
        return await renew(cache, failed, context)

    async with stage() as running:
        ids = await made(running, each)
        monkeypatch.setattr(TokenCache, "renew", noted)
        revoked = {"effect": "revoke_tokens", "match": {"path": "/services/data"}, "times": 1}
        running.hold("/oauth2/token", revoked)
        calls = asyncio.ensure_future(call_all(running, ids, each))
        await until(lambda: len(refused) >= each)
        running.go_on()

        heard = await calls

        logins = (await running.calls())[LOGIN]
        assert [SAVED] * 5 * each == heard
        assert is_shared == (logins == 1)
        assert is_shared or logins >= each
        assert {"inserted": 2 * each, "updated": each, "deleted": each} == running.org.org.writes.totals()["Lead"]


async def test_a_session_that_is_not_renewed_ends_everything(stage: StageFactory, monkeypatch):
    """Where a dead session is not seen for what it is, no call gets through any more."""
    monkeypatch.setattr("service.salesforce.faults.is_dead_session", lambda _response: False)
    async with stage() as running:
        ids = await made(running, 2)
        running.script({"effect": "revoke_tokens", "times": 1})

        heard = await call_all(running, ids, 2)

        assert ["ORG_AUTHENTICATION_FAILED"] * 10 == heard
