"""Access tokens: their shape, their idle time and their end."""

from service.emulator.sessions import Sessions
from tests.support.emulation import ManualClock

ORG = "00D100000000001EAA"


def make(clock: ManualClock) -> Sessions:
    return Sessions(ORG, clock=clock, idle_seconds=7200)


def test_a_token_starts_with_the_org(clock):
    """A token is the org's 15-character id, an exclamation mark and a long secret, new each time."""
    sessions = make(clock)

    first, second = sessions.open("005"), sessions.open("005")

    assert first.token.partition("!")[0] == "00D100000000001"
    assert len(first.token.partition("!")[2]) == 96
    assert first.token != second.token


def test_use_starts_the_idle_time_anew(clock):
    """A session in use outlives its idle time many times over."""
    sessions = make(clock)
    token = sessions.open("005").token

    for _ in range(5):
        clock.passed += 7000
        assert sessions.use(token) is not None


def test_an_idle_session_ends(clock):
    """A session that was not used for longer than the idle time is gone, also from the count."""
    sessions = make(clock)
    token = sessions.open("005").token

    clock.passed += 7200.5

    assert len(sessions) == 0
    assert sessions.use(token) is None


def test_looking_is_not_using(clock):
    """Finding a session, as introspection does, does not keep it alive."""
    sessions = make(clock)
    token = sessions.open("005").token
    clock.passed += 7000
    sessions.find(token)

    clock.passed += 7000

    assert sessions.find(token) is None


def test_expiry_moves_with_use(clock):
    """The expiry told to callers is the idle time after the last use."""
    sessions = make(clock)
    session = sessions.open("005")
    clock.passed += 100
    sessions.use(session.token)

    clock.passed += 50

    assert clock.now() + 7150 == sessions.expires_at(session)


def test_revoking(clock):
    """A revoked token is dead at once, and its siblings live until all are revoked."""
    sessions = make(clock)
    first, second = sessions.open("005").token, sessions.open("005").token

    assert sessions.revoke(first)
    assert not sessions.revoke(first)
    assert sessions.use(first) is None
    assert sessions.use(second) is not None
    assert sessions.revoke_all() == 1
    assert sessions.use(second) is None


def test_the_token_stays_out_of_the_repr(clock):
    """A session that lands in a log does not give its token away."""
    session = make(clock).open("005")

    assert session.token not in repr(session)
