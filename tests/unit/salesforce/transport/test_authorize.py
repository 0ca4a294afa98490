"""Sessions: what one of them opened is used with its token, and a new token is not asked for in vain."""

import pytest

from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.transport.authorize import AuthorizedTransport
from service.salesforce.transport.base import Request, Response, Session
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

LOGIN = "https://acme.my.salesforce.com"
DEAD = fault(401, "INVALID_SESSION_ID", "Session expired or invalid")
OK = answer(200, {})


class FixedFlow:
    """A flow whose form does not matter."""

    def form(self, now: float) -> dict[str, str]:
        """Return some form."""
        return {"grant_type": f"test {now}"}


class Stage:
    """An org and its login host."""

    def __init__(self, *answers: Response) -> None:
        self.org = ScriptedTransport(*answers)
        grants = [answer(200, {"access_token": f"t{n}", "instance_url": LOGIN}) for n in range(1, 9)]
        self.login = ScriptedTransport(*grants)
        self.tokens = TokenCache(self.login, FixedFlow(), login_url=LOGIN, allowed_hosts=(), org="prod")
        self.transport = AuthorizedTransport(self.org, self.tokens)
        self.context = call(FakeClock())

    async def send(self, session: Session | None = None) -> int:
        """Send a request and return the status of its answer."""
        request = Request("GET", "/query", template="/query", repeatable=True, session=session)
        return (await self.transport.send(request, self.context)).status

    @property
    def sent(self) -> list[str]:
        """The tokens of the requests that the org got."""
        return [request.headers["Authorization"].removeprefix("Bearer ") for request in self.org.requests]


async def test_what_is_opened_belongs_to_the_token_that_was_taken():
    """A session begins with the request that is answered, not with the one that was refused."""
    stage, session = Stage(DEAD, OK), Session()

    await stage.send(session)

    assert session.is_open
    assert await stage.tokens.current(stage.context) is session.token


async def test_a_dead_token_is_renewed_for_what_it_opened():
    """The session ended, as far as one can tell: a new token is asked for once, and the org is not given up."""
    stage, session = Stage(OK, DEAD), Session()
    await stage.send(session)

    status = await stage.send(session)

    assert (401, ["t1", "t1", "t2"]) == (status, stage.sent)
    renewed = await stage.tokens.renew(await stage.tokens.current(stage.context), stage.context)
    assert "t3" == renewed.access_token


async def test_no_token_is_asked_for_that_would_not_help():
    """What an earlier token opened is refused with any later one: nobody logs in for it."""
    stage, session = Stage(OK, OK, DEAD), Session()
    await stage.send(session)
    await stage.tokens.renew(await stage.tokens.current(stage.context), stage.context)
    await stage.send()

    status = await stage.send(session)

    assert (401, ["t1", "t2", "t2"]) == (status, stage.sent)
    assert 2 == len(stage.login.requests)


async def test_what_another_process_opened_is_tried_once():
    """Whose token opened it is not known; a refusal says nothing of the token that is known."""
    stage = Stage(DEAD)

    status = await stage.send(Session(is_open=True))

    assert (401, ["t1"]) == (status, stage.sent)


async def test_a_new_token_that_is_refused_is_given_up_without_a_session():
    """A request that uses nothing of a session shows that the org takes no token: it is not asked for others."""
    stage = Stage(DEAD)

    status = await stage.send()

    assert (401, ["t1", "t2"]) == (status, stage.sent)
    assert 2 == len(stage.login.requests)


async def test_a_session_tells_when_it_was_opened_by_salesforces_clock():
    """The moments before and after are those of the answer that opened it, and no later one's."""
    session = Session()
    stage = Stage(
        answer(200, {}, date="Sun, 01 Mar 2026 12:00:05 GMT"), answer(200, {}, date="Sun, 01 Mar 2026 12:00:59 GMT")
    )

    await stage.send(session)
    await stage.send(session)

    assert (1_772_366_405.0, 1_772_366_406.0) == (session.asked_at, session.answered_at)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Mar 2026 12:00:05 GMT", "Sun, 01 Mar 99999 12:00:05 GMT"])
async def test_a_date_that_cannot_be_read_tells_nothing(date):
    """Whatever stands there, the answer counts."""
    session = Session()

    await Stage(answer(200, {}, date=date)).send(session)

    assert (True, None) == (session.is_open, session.asked_at)
