"""One token for everyone, asked for once, sent nowhere but to allowed hosts."""

import asyncio

import pytest

from service.context import CallContext
from service.errors import OrgAuthenticationFailed, UpstreamUnavailable
from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.transport.authorize import AuthorizedTransport
from service.salesforce.transport.base import NotSent, Request, Response
from tests.support.clock import FakeClock, settle
from tests.support.transport import ScriptedTransport, answer, call, fault

LOGIN = "https://acme.my.salesforce.com"


class FixedFlow:
    """A flow whose form does not matter."""

    def form(self, now: float) -> dict[str, str]:
        """Return some form."""
        return {"grant_type": "test"}


def grant(token: str, instance_url: str = LOGIN) -> Response:
    """Return a token answer."""
    identity = "https://login.salesforce.com/id/00Dxx0000000001EAA/005xx000001SwiUAAS"
    return answer(200, {"access_token": token, "instance_url": instance_url, "id": identity, "extra": 1})


def cache(transport: ScriptedTransport) -> TokenCache:
    """Return a cache on a scripted login host."""
    return TokenCache(transport, FixedFlow(), login_url=LOGIN, allowed_hosts=(".my.salesforce.com",), org="prod")


async def test_many_callers_share_one_request():
    """A hundred callers without a token cause one token request."""
    transport = ScriptedTransport(grant("t1"))
    tokens = cache(transport)

    found = await asyncio.gather(*(tokens.current(call(FakeClock())) for _ in range(100)))

    assert {"t1"} == {token.access_token for token in found}
    assert len(transport.requests) == 1
    assert found[0].org_id == "00Dxx0000000001EAA"


async def test_callers_of_a_login_host_that_is_down_hear_so_together():
    """A hundred callers do not try one after the other, each with the patience of the first; later ones try anew."""
    gate = asyncio.Event()

    class Gated(ScriptedTransport):
        async def send(self, request: Request, context: CallContext) -> Response:
            await gate.wait()
            return await super().send(request, context)

    transport = Gated(NotSent(), grant("t1"))
    tokens = cache(transport)
    tasks = [asyncio.create_task(tokens.current(call(FakeClock()))) for _ in range(100)]
    await settle()
    gate.set()

    errors = await asyncio.gather(*tasks, return_exceptions=True)

    assert [UpstreamUnavailable] * 100 == [type(error) for error in errors]
    assert 100 == len({id(error) for error in errors})
    assert 1 == len(transport.requests)
    assert "t1" == (await tokens.current(call(FakeClock()))).access_token


async def test_a_late_failure_of_an_old_token_asks_for_nothing():
    """Whoever reports the token before last gets the present one."""
    transport = ScriptedTransport(grant("t1"), grant("t2"), grant("t3"))
    tokens = cache(transport)
    context = call(FakeClock())
    first = await tokens.current(context)

    second = await tokens.renew(first, context)
    late = await tokens.renew(first, context)

    assert second is late
    assert len(transport.requests) == 2


async def test_a_refused_grant_is_not_hammered():
    """A refusal is remembered for half a minute, then asked again."""
    clock = FakeClock()
    refusal = answer(400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"})
    transport = ScriptedTransport(refusal, grant("t1"))
    tokens = cache(transport)

    for _ in range(5):
        with pytest.raises(OrgAuthenticationFailed, match="approved this consumer"):
            await tokens.current(call(clock))
    clock.advance(31)
    token = await tokens.current(call(clock))

    assert token.access_token == "t1"
    assert len(transport.requests) == 2


@pytest.mark.parametrize("trouble", [NotSent("refused"), Response(503, {}, b"<html>"), Response(200, {}, b"<html>")])
async def test_a_login_host_out_of_order_is_unavailable(trouble):
    """Trouble on the way is not a refusal and is not remembered."""
    tokens = cache(ScriptedTransport(trouble, grant("t1")))
    context = call(FakeClock())

    with pytest.raises(UpstreamUnavailable):
        await tokens.current(context)

    assert (await tokens.current(context)).access_token == "t1"


@pytest.mark.parametrize(
    "instance_url",
    [
        "http://acme.my.salesforce.com",
        "https://evil.com",
        "https://acme.my.salesforce.com.evil.com",
        "https://evil.com/.my.salesforce.com",
        "https://user@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://169.254.169.254",
        "https://evil.com\\.my.salesforce.com",
        "https://evil.com%2f.my.salesforce.com",
        "https://evil.com;.my.salesforce.com",
        "https://evil com.my.salesforce.com",
        "https://\u0451vil.my.salesforce.com",
        "https://.my.salesforce.com",
        "https://a..my.salesforce.com",
        f"https://{'a' * 64}.my.salesforce.com",
        "https://[",
        "",
    ],
)
async def test_a_token_never_goes_to_another_host(instance_url):
    """An answer that names a host outside the allow-list is refused, whatever trick it tries."""
    tokens = cache(ScriptedTransport(grant("t1", instance_url)))

    with pytest.raises(OrgAuthenticationFailed):
        await tokens.current(call(FakeClock()))


@pytest.mark.parametrize("token", ["", "a\r\nX: y", "a\0", "é", "a b", "a" * 9000])
async def test_what_cannot_stand_in_a_header_is_no_token(token):
    """A token that would break or forge a request is not taken, and not repeated to anyone."""
    tokens = cache(ScriptedTransport(grant(token)))

    with pytest.raises(UpstreamUnavailable) as raised:
        await tokens.current(call(FakeClock()))

    assert raised.value.message == "the login host of the org 'prod' answered something that is not a token"


async def test_another_allowed_host_is_followed():
    """The instance may move within the allowed hosts."""
    tokens = cache(ScriptedTransport(grant("t1", "https://acme2.my.salesforce.com/")))

    assert (await tokens.current(call(FakeClock()))).instance_url == "https://acme2.my.salesforce.com"


async def test_a_token_is_not_in_its_repr():
    """A token that is logged by mistake shows nothing."""
    token = await cache(ScriptedTransport(grant("secret-token"))).current(call(FakeClock()))

    assert "secret-token" not in repr(token)


async def test_a_dead_session_is_replaced_once():
    """401 INVALID_SESSION_ID gets a new token and one more attempt, even for a write."""
    login = ScriptedTransport(grant("t1"), grant("t2"))
    data = ScriptedTransport(fault(401, "INVALID_SESSION_ID", "Session expired or invalid"), answer(201, {}))
    transport = AuthorizedTransport(data, cache(login))

    response = await transport.send(Request("POST", "/x", template="/x", repeatable=False), call(FakeClock()))

    assert response.status == 201
    assert [request.headers["Authorization"] for request in data.requests] == ["Bearer t1", "Bearer t2"]
    assert data.requests[0].path == LOGIN + "/x"


@pytest.mark.parametrize(
    "refusal",
    [
        fault(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
        fault(403, "INVALID_SESSION_ID"),
    ],
)
async def test_a_session_that_policy_forbids_is_not_replaced(refusal):
    """A new token would be refused alike."""
    login = ScriptedTransport(grant("t1"), grant("t2"))
    transport = AuthorizedTransport(ScriptedTransport(refusal), cache(login))

    await transport.send(Request("GET", "/x", template="/x", repeatable=True), call(FakeClock()))

    assert len(login.requests) == 1


async def test_an_org_that_refuses_every_session_is_not_logged_in_to_for_each_call():
    """A new token that is refused at once ends the renewing for five seconds; then it is tried again."""
    clock = FakeClock()
    login = ScriptedTransport(grant("t1"), grant("t2"), grant("t3"))
    data = ScriptedTransport(*[fault(401, "INVALID_SESSION_ID")] * 6, answer(200, {}))
    transport = AuthorizedTransport(data, cache(login))
    request = Request("GET", "/x", template="/x", repeatable=True)

    first = await transport.send(request, call(clock))
    for _ in range(3):
        with pytest.raises(OrgAuthenticationFailed):
            await transport.send(request, call(clock))
    clock.advance(6)
    last = await transport.send(request, call(clock))

    assert (401, 200) == (first.status, last.status)
    assert len(login.requests) == 3
