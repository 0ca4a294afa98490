"""Subrequests on their way to the resources, without a server."""

import asyncio

import pytest

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.routing import Router
from service.emulator.subrequests import Subrequest, Subrequests, target_of

BELOW = ("services", "data")


@pytest.fixture
def seen() -> list[OrgCall]:
    """The calls that reached a resource."""
    return []


@pytest.fixture
def subrequests(seen) -> Subrequests:
    """Two resources, one of which waits before it answers."""
    router: Router[OrgCall] = Router()

    async def echo(call: OrgCall) -> Answer:
        seen.append(call)
        return Answer(value=(await call.body.read()).decode())

    async def wait(call: OrgCall) -> Answer:
        await asyncio.sleep(0)
        return await echo(call)

    router.add("echo/{name}", post=echo)
    router.add("wait", post=wait)
    return Subrequests(router)


@pytest.fixture
def outer(tenant) -> OrgCall:
    """The call around the subrequests."""
    session = tenant.sessions.open(tenant.org.admin_id)
    return OrgCall("POST", {}, {}, {}, tenant=tenant, session=session, version="66.0")


def subrequest(path: str, body: object = None) -> Subrequest:
    return Subrequest("POST", target_of(f"/services/data/{path}", below=BELOW), {"X-Own": "1"}, body)


async def test_what_arrives(subrequests, outer, seen):
    """The resource sees method, path, query, headers, body and version of the subrequest, and the outer user."""
    answer = await subrequests.answer(outer, subrequest("v65.0/echo/a%2Fb?q=x y+z%2B&q=2&e=", {"k": [1]}))

    call = seen[0]
    assert answer.value == '{"k":[1]}'
    assert (call.method, call.parameters, call.version) == ("POST", {"name": "a/b"}, "65.0")
    assert {"q": "x y z+", "e": ""} == call.query
    assert call.headers["x-OWN"] == "1"
    assert call.session is outer.session


@pytest.mark.parametrize("path", ["v66.0/nope", "v9.0/wait", "66.0/wait", "v66.0", ""])
async def test_unknown_resources(subrequests, outer, path):
    """What is no resource is answered so, alone and in a transaction."""
    unknown = Subrequest("POST", target_of(f"/services/data/{path}", below=BELOW))

    assert (await subrequests.answer(outer, unknown)).status == 404
    assert subrequests.answer_at_once(outer, unknown).status == 404


@pytest.mark.parametrize("url", ["", "/", "services", "/services/apexrest/x", "//services/data"])
def test_urls_elsewhere(url):
    """A URL that does not start where it has to is refused, but for slashes at its ends."""
    if url == "//services/data":
        assert target_of(url, below=BELOW).segments == ()
    else:
        with pytest.raises(SalesforceFault, match="NOT_FOUND"):
            target_of(url, below=BELOW)


async def test_at_once(subrequests, outer, seen):
    """In a transaction the resource is told so, and one that waits nevertheless is a defect."""
    assert subrequests.answer_at_once(outer, subrequest("v66.0/echo/a", 1)).value == "1"
    assert seen[0].at_once
    with pytest.raises(RuntimeError, match="waited inside a transaction"):
        subrequests.answer_at_once(outer, subrequest("v66.0/wait"))


async def test_otherwise_there_is_time(subrequests, outer, seen):
    """Outside a transaction a resource may wait."""
    assert (await subrequests.answer(outer, subrequest("v66.0/wait", "x"))).value == '"x"'
    assert not seen[0].at_once
