"""Approvals: their refresh tokens, rotation, reuse and end."""

import pytest

from service.emulator.oauth.faults import OAuthFault
from service.emulator.oauth.grants import MAXIMUM_APPROVALS, Grants
from service.emulator.sessions import Sessions

APP = "3MVG9app"


@pytest.fixture
def sessions(clock):
    """The sessions of an org."""
    return Sessions("00D100000000001", clock=clock, idle_seconds=7200)


@pytest.fixture
def grants(sessions, clock):
    """The approvals of the same org."""
    return Grants(sessions, clock)


def refused(grants: Grants, token: str, client_id: str = APP) -> bool:
    with pytest.raises(OAuthFault, match="invalid_grant: expired access/refresh token"):
        grants.redeem(token, client_id, rotate=True)
    return True


def test_without_rotation_a_token_stays(grants):
    """A refresh token serves as often as it is used."""
    token = grants.approve("005", APP, "api refresh_token").token

    assert {grants.redeem(token, APP, rotate=False).token for _ in range(3)} == {token}


def test_rotation(grants):
    """Each use brings a new token."""
    tokens = [grants.approve("005", APP, "api").token]

    for _ in range(3):
        tokens.append(grants.redeem(tokens[-1], APP, rotate=True).token)

    assert len(set(tokens)) == 4
    assert len(grants) == 1


def test_a_token_used_twice_ends_the_family(grants, sessions):
    """Whoever uses a rotated-out token ends the current one and its sessions; other approvals live on."""
    other = grants.approve("005", APP, "api")
    untouched = sessions.open("005", APP, grant_id=other.id).token
    grant = grants.approve("005", APP, "api")
    old = grant.token
    session = sessions.open("005", APP, grant_id=grant.id).token
    current = grants.redeem(old, APP, rotate=True).token

    assert refused(grants, old)

    assert sessions.find(session) is None
    assert refused(grants, current)
    assert grants.find(other.token) is other
    assert sessions.find(untouched) is not None


def test_tokens_of_another_app(grants):
    """An app gets nothing for another one's token, old or new, and does it no harm."""
    token = grants.approve("005", APP, "api").token
    current = grants.redeem(token, APP, rotate=True).token

    assert refused(grants, current, "another")
    assert refused(grants, token, "another")
    assert grants.redeem(current, APP, rotate=False)


def test_revoking(grants, sessions):
    """Taking an approval back ends its sessions, and no others."""
    grant = grants.approve("005", APP, "api")
    session = sessions.open("005", APP, grant_id=grant.id).token
    sibling = sessions.open("005", APP).token

    assert grants.revoke(grant.token)
    assert not grants.revoke(grant.token)
    assert sessions.find(session) is None
    assert sessions.find(sibling) is not None


def test_the_sixth_approval_ends_the_first(grants):
    """A user has at most five approvals for an app; other users and apps do not count."""
    other = grants.approve("005other", APP, "api").token
    tokens = [grants.approve("005", APP, "api").token for _ in range(MAXIMUM_APPROVALS + 1)]

    assert grants.find(tokens[0]) is None
    assert all(grants.find(token) for token in [*tokens[1:], other])


def test_the_token_stays_out_of_the_repr(grants):
    """An approval that lands in a log does not give its token away."""
    grant = grants.approve("005", APP, "api")

    assert grant.token not in repr(grant)
