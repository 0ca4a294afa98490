"""Refresh tokens over HTTP: rotation, concurrent use, reuse, revocation and moved orgs."""

import asyncio

import httpx
import pytest

from service.emulator.config import AppPolicy
from service.emulator.disturbances import Refuse
from service.emulator.server import Emulator, EmulatorConfig
from tests.support.stage import OrgClock


def form_of(credentials, token: str = "", **more: str) -> dict[str, str]:
    client = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    return {"grant_type": "refresh_token", "refresh_token": token or credentials.refresh_token} | client | more


async def works(client: httpx.AsyncClient, token: str) -> bool:
    response = await client.get("/services/data/v66.0/limits", headers={"Authorization": f"Bearer {token}"})
    return response.status_code == 200


@pytest.fixture
def time():
    """Real time, which may be stopped."""
    return OrgClock()


@pytest.fixture
async def rotating(keys, time):
    """A client of an emulator whose app rotates refresh tokens, and the emulator."""
    policy = AppPolicy(rotate_refresh_tokens=True, refresh_seconds=0.01)
    async with (
        Emulator(EmulatorConfig(directory=keys, app=policy), time) as emulator,
        httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as client,
    ):
        yield emulator, client


async def test_a_refresh(anonymous, emulator):
    """A refresh brings a new session and no new refresh token."""
    response = await anonymous.post("/services/oauth2/token", data=form_of(emulator.credentials))

    assert set(response.json()) == {
        *("access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at", "id_token")
    }
    assert response.headers["Cache-Control"] == "no-cache, no-store"
    assert await works(anonymous, response.json()["access_token"])


async def test_two_refreshes_at_once(rotating, time):
    """Of two uses of one token at the same time one is refused, and the other's new token works."""
    emulator, client = rotating
    form = form_of(emulator.credentials)
    time.goes_on.clear()

    uses = [asyncio.ensure_future(client.post("/services/oauth2/token", data=form)) for _ in range(2)]
    await asyncio.wait(uses, return_when=asyncio.FIRST_COMPLETED)
    time.goes_on.set()

    served, refused = sorted(await asyncio.gather(*uses), key=lambda answer: answer.status_code)
    assert (served.status_code, refused.status_code) == (200, 400)
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "token request is already being processed",
    }
    form = form_of(emulator.credentials, served.json()["refresh_token"])
    assert (await client.post("/services/oauth2/token", data=form)).status_code == 200


async def test_reuse_ends_the_family(rotating):
    """A rotated-out token ends the current one, and every session that came of it."""
    emulator, client = rotating
    first = (await client.post("/services/oauth2/token", data=form_of(emulator.credentials))).json()

    reused = await client.post("/services/oauth2/token", data=form_of(emulator.credentials))

    expected = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    assert (reused.status_code, reused.json()) == (400, expected)
    assert not await works(client, first["access_token"])
    form = form_of(emulator.credentials, first["refresh_token"])
    assert (await client.post("/services/oauth2/token", data=form)).json() == expected
    assert await works(client, emulator.credentials.access_token)


async def test_revocation(anonymous, emulator):
    """Revoking a refresh token ends its sessions; those of others live on."""
    credentials = emulator.credentials
    session = (await anonymous.post("/services/oauth2/token", data=form_of(credentials))).json()["access_token"]

    revoked = await anonymous.post("/services/oauth2/revoke", data={"token": credentials.refresh_token})

    assert (revoked.status_code, revoked.content) == (200, b"")
    assert not await works(anonymous, session)
    assert await works(anonymous, credentials.access_token)


async def test_a_moved_org(anonymous, emulator):
    """After a move the refresh names the new instance, and the user's URLs do."""
    emulator.move_org(emulator.credentials, "https://moved.example")

    answer = (await anonymous.post("/services/oauth2/token", data=form_of(emulator.credentials))).json()

    assert answer["instance_url"] == "https://moved.example"
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    info = (await anonymous.get("/services/oauth2/userinfo", headers=bearer)).json()
    assert info["urls"]["rest"] == "https://moved.example/services/data/v{version}/"
    assert info["sub"] == answer["id"]


@pytest.mark.parametrize(
    ("wanted", "kind", "start"),
    [
        ("urlencoded", "application/x-www-form-urlencoded", "access_token=00D"),
        ("xml", "application/xml;charset=UTF-8", '<?xml version="1.0" encoding="UTF-8"?><OAuth><access_token>00D'),
        ("json", "application/json;charset=UTF-8", '{"access_token":"00D'),
    ],
)
async def test_formats(anonymous, emulator, wanted, kind, start):
    """A client may ask for another format than JSON."""
    response = await anonymous.post("/services/oauth2/token", data=form_of(emulator.credentials, format=wanted))

    assert response.headers["Content-Type"] == kind
    assert response.text.startswith(start)


async def test_a_scripted_refusal(anonymous, emulator):
    """A refusal scripted for the token endpoint is an object, as all of its refusals are."""
    emulator.disturbances.add(Refuse(400, "invalid_grant", "ip restricted"), path="/oauth2/token")

    response = await anonymous.post("/services/oauth2/token", data=form_of(emulator.credentials))

    assert (response.status_code, response.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "ip restricted"},
    )


async def test_the_token_endpoint_is_posted_to(anonymous):
    """A GET is refused in the words of OAuth."""
    response = await anonymous.get("/services/oauth2/token")

    assert response.json() == {"error": "invalid_request", "error_description": "must use HTTP POST"}


async def test_without_a_token(anonymous, emulator):
    """User info tells a missing token from a bad one, and takes a token from form or query too."""
    token = emulator.credentials.access_token

    missing = await anonymous.get("/services/oauth2/userinfo")
    posted = await anonymous.post("/services/oauth2/userinfo", data={"oauth_token": token})
    asked = await anonymous.get("/services/oauth2/userinfo", params={"access_token": token})

    assert (missing.status_code, missing.text) == (403, "Missing_OAuth_Token")
    assert posted.json()["email"] == asked.json()["email"] == emulator.credentials.username


async def test_an_identity_of_a_version(anonymous, emulator):
    """The identity URL fills in the API version it is asked for."""
    url = f"/id/{emulator.credentials.org_id}/{emulator.org.admin_id}"
    bearer = {"Authorization": f"Bearer {emulator.credentials.access_token}"}

    identity = (await anonymous.get(url, params={"version": "latest"}, headers=bearer)).json()

    assert identity["urls"]["query"] == f"{emulator.url}/services/data/v66.0/query/"
    assert (identity["asserted_user"], identity["is_app_installed"], identity["utcOffset"]) == (True, True, 0)
