"""Logging in over HTTP, by OAuth and by SOAP."""

import httpx
import jwt
import pytest

from service.emulator.server import Emulator, EmulatorConfig, Login


@pytest.fixture
def credentials(emulator):
    """The first org's."""
    return emulator.credentials


async def works(client: httpx.AsyncClient, token: str) -> bool:
    response = await client.get("/services/data/v66.0/limits", headers={"Authorization": f"Bearer {token}"})
    return response.status_code == 200


async def test_the_jwt_flow(anonymous, credentials, clock):
    """An assertion signed with the key file gives a token that works."""
    claims = {"iss": credentials.client_id, "sub": credentials.username, "aud": credentials.login_url}
    claims["exp"] = int(clock.now()) + 180
    assertion = jwt.encode(claims, credentials.private_key_file.read_bytes(), algorithm="RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    response = await anonymous.post("/services/oauth2/token", data=form)

    assert response.status_code == 200
    assert response.json()["instance_url"] == credentials.instance_url
    assert await works(anonymous, response.json()["access_token"])


@pytest.mark.parametrize("by_header", [True, False])
async def test_the_client_credentials_flow(anonymous, credentials, by_header):
    """The client may show its secret in the form or in the header."""
    pair = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    form = {"grant_type": "client_credentials"} | ({} if by_header else pair)

    response = await anonymous.post(
        "/services/oauth2/token", data=form, auth=tuple(pair.values()) if by_header else None
    )

    assert await works(anonymous, response.json()["access_token"])


async def test_a_refusal_is_an_object(anonymous, credentials):
    """OAuth refusals are 400 with `error` and `error_description`, not an array."""
    form = {"grant_type": "client_credentials", "client_id": credentials.client_id, "client_secret": "wrong"}

    response = await anonymous.post("/services/oauth2/token", data=form)

    assert response.status_code == 400
    assert response.json() == {"error": "invalid_client", "error_description": "invalid client credentials"}


async def test_another_orgs_key_opens_nothing_here(anonymous, emulator, credentials, clock):
    """A user of one org is nobody to the app of another."""
    other = emulator.new_org()
    claims = {"iss": other.client_id, "sub": credentials.username, "aud": other.login_url}
    claims["exp"] = int(clock.now()) + 60
    assertion = jwt.encode(claims, other.private_key_file.read_bytes(), algorithm="RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    response = await anonymous.post("/services/oauth2/token", data=form)

    assert response.json()["error_description"] == "user hasn't approved this consumer"


async def test_a_public_url(keys, clock):
    """Where clients reach the emulator at another URL, answers and credentials name that one."""
    config = EmulatorConfig(directory=keys, public_url="https://sf.example:8443")
    async with Emulator(config, clock) as emulator:
        info = emulator.credentials

    assert (emulator.url, info.instance_url, info.login_url) == ("https://sf.example:8443",) * 3


async def test_a_login_of_ones_own(keys, clock):
    """Names and secrets may be chosen, so that the configuration of a client can be written down."""
    login = Login(username="ops@acme.example", password="p", client_id="app", client_secret="s")
    async with (
        Emulator(EmulatorConfig(directory=keys, login=login), clock) as emulator,
        httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as client,
    ):
        form = {"grant_type": "password", "username": "ops@acme.example", "password": "p"}
        form |= {"client_id": "app", "client_secret": "s"}

        response = await client.post("/services/oauth2/token", data=form)

        assert await works(client, response.json()["access_token"])
        assert emulator.credentials.username == "ops@acme.example"
        assert "'s'" not in repr(login)


async def test_revocation(anonymous, credentials):
    """A revoked token no longer works, and revoking it again is refused."""
    form = {"token": credentials.access_token}

    response = await anonymous.post("/services/oauth2/revoke", data=form)

    assert (response.status_code, response.content) == (200, b"")
    assert not await works(anonymous, credentials.access_token)
    assert (await anonymous.post("/services/oauth2/revoke", data=form)).json()["error"] == "invalid_token"


async def test_introspection(anonymous, credentials, clock):
    """A token tells when it will end."""
    form = {"token": credentials.access_token, "token_type_hint": "access_token"}

    response = await anonymous.post(
        "/services/oauth2/introspect", data=form, auth=(credentials.client_id, credentials.client_secret)
    )

    assert response.json()["exp"] == int(clock.now()) + 7200


async def test_who_am_i(anonymous, credentials):
    """User info and the identity URL of a token answer agree about the user; a bad token learns nothing."""
    header = {"Authorization": f"Bearer {credentials.access_token}"}

    info = (await anonymous.get("/services/oauth2/userinfo", headers=header)).json()
    identity = (await anonymous.get(httpx.URL(info["sub"]).path, headers=header)).json()

    assert info["organization_id"] == credentials.org_id
    assert info["preferred_username"] == identity["username"] == credentials.username
    assert identity["id"] == info["sub"]
    bad = await anonymous.get("/services/oauth2/userinfo", headers={"Authorization": "Bearer x"})
    assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")


async def test_identities_of_others(anonymous, emulator, credentials):
    """A token gives a view of its own org's users, and of no others."""
    header = {"Authorization": f"Bearer {credentials.access_token}"}
    other = emulator.new_org()
    me = emulator.org.admin_id

    for org_id, user_id, expected in (
        (other.org_id, emulator.org_of(other).admin_id, (403, "Wrong_Org")),
        (other.org_id, me, (403, "Wrong_Org")),
        (credentials.org_id, emulator.org_of(other).admin_id, (404, "Bad_Id")),
    ):
        response = await anonymous.get(f"/id/{org_id}/{user_id}", headers=header)
        assert (response.status_code, response.text) == expected
    assert (await anonymous.get(f"/id/{credentials.org_id}/{me}", headers=header)).status_code == 200
