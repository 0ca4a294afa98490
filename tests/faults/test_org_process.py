"""A configured org in a process of its own: both ways to log in, TLS, and its death in the middle of calls."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.settings import ClientCredentialsAuth, OrgSettings
from tests.support.rich_status import failure
from tests.support.service import OrgProcess, free_ports, jwt_bearer, org_process

MORE_THAN_A_CALL_TAKES = 300


def lead(number: int) -> UpsertRecordRequest:
    """Return a request for one of many leads."""
    fields = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
    return UpsertRecordRequest(
        object="Lead", external_id=ExternalId(field="Ext__c", value=f"K-{number}"), fields=fields
    )


def client_credentials(org: OrgProcess, secret_file: Path) -> OrgSettings:
    """Return settings that log in with the secret."""
    auth = ClientCredentialsAuth(
        flow="client_credentials", client_id=org.facts["client_id"], client_secret_file=secret_file
    )
    return OrgSettings(login_url=org.facts["login_url"], auth=auth)


async def hang_after_one_write(org: OrgProcess) -> None:
    """Let the org answer one more call that writes, and none after it."""
    rule = {"effect": {"latency": 60}, "match": {"path": "/composite"}, "skip": 1}
    async with httpx.AsyncClient(base_url=org.facts["login_url"], trust_env=False, timeout=60) as client:
        answer = await client.post("/__control/faults", json=rule)
    assert answer.is_success, answer.text


async def test_both_flows_log_in(tmp_path):
    """A configured org is called with a key or with a secret; nothing embedded is started."""
    async with org_process() as org:
        secret_file = tmp_path / "secret"
        secret_file.write_text(org.facts["client_secret"] + "\n", encoding="utf-8")
        orgs = {"key": jwt_bearer(org), "secret": client_credentials(org, secret_file)}
        async with App(free_ports(orgs=orgs, default_org="key")) as app:
            assert app.addresses is not None
            assert app.addresses.emulator is None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                first = await RecordServiceStub(channel).UpsertRecord(lead(1))
                second_request = lead(1)
                second_request.org = "secret"
                second = await RecordServiceStub(channel).UpsertRecord(second_request)

    assert first.record_id == second.record_id


@pytest.mark.parametrize("with_certificate", [True, False])
async def test_tls_is_verified(with_certificate):
    """A certificate that nobody vouches for is refused; the configured one is taken."""
    async with org_process("--tls") as org:
        ca_file = Path(org.facts["certificate_file"]) if with_certificate else None
        async with App(free_ports(orgs={"tls": jwt_bearer(org, ca_file=ca_file)})) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                try:
                    await RecordServiceStub(channel).UpsertRecord(lead(1))
                    told = ("", "")
                except aio.AioRpcError as error:
                    told = (failure(error).reason, failure(error).message)

    untrusted = "the org 'tls' cannot be reached: its certificate is not trusted; ca_file names further authorities"
    assert (("", "") if with_certificate else ("UPSTREAM_UNAVAILABLE", untrusted)) == told


async def test_refused_credentials_are_an_operators_matter(tmp_path, monkeypatch):
    """A user that may not log in, and a key file that is not there, say so without a retry storm or a traceback."""
    logged: list[dict[str, Any]] = []
    log = SimpleNamespace(warning=lambda _event, **facts: logged.append(facts))
    monkeypatch.setattr("service.rpc.pipeline._log", log)
    async with org_process() as org:
        broken = jwt_bearer(org)
        missing = broken.auth.model_copy(update={"private_key_file": tmp_path / "missing.pem"})
        orgs = {
            "user": jwt_bearer(org, username="nobody@example.com"),
            "file": broken.model_copy(update={"auth": missing}),
        }
        async with App(free_ports(orgs=orgs)) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                for name in orgs:
                    request = lead(1)
                    request.org = name
                    with pytest.raises(aio.AioRpcError) as raised:
                        await RecordServiceStub(channel).UpsertRecord(request)
                    failed = failure(raised.value)
                    assert ("FAILED_PRECONDITION", "ORG_AUTHENTICATION_FAILED") == (failed.code, failed.reason)
                    assert name == failed.metadata["org"]

    assert [("ORG_AUTHENTICATION_FAILED", name) for name in orgs] == [(line["reason"], line["org"]) for line in logged]


async def test_an_org_killed_in_the_middle_of_calls():
    """Each call that is open when the org's process is killed ends in success or in UNAVAILABLE, and none hangs."""
    async with org_process() as org, App(free_ports(orgs={"prod": jwt_bearer(org)})) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            records, queries = RecordServiceStub(channel), QueryServiceStub(channel)
            await asyncio.gather(*(records.UpsertRecord(lead(number)) for number in range(300)))
            stream = queries.Query(QueryRequest(soql="SELECT Id FROM Lead", batch_size=1))
            await stream.read()

            await hang_after_one_write(org)
            calls = [
                asyncio.ensure_future(records.UpsertRecord(lead(number), timeout=30))
                for number in range(MORE_THAN_A_CALL_TAKES)
            ]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            await org.kill()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)

            failures = [failure(outcome) for outcome in outcomes if isinstance(outcome, aio.AioRpcError)]
            assert failures
            assert {("UNAVAILABLE", "UPSTREAM_UNAVAILABLE")} == {(failed.code, failed.reason) for failed in failures}
            assert all(failed.retry_after_seconds for failed in failures)
            stream.cancel()
