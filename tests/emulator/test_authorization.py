"""The web server flow over HTTP: a browser asks its user, and an app redeems the code."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest

from service.emulator.config import AppPolicy
from service.emulator.oauth.codes import challenge_of
from service.emulator.server import Emulator, EmulatorConfig

CALLBACK = "https://app.example/callback?tab=1"
VERIFIER = "v" * 64


@pytest.fixture
async def emulator(keys, clock):
    """An emulator whose app has a callback URL."""
    config = EmulatorConfig(directory=keys, app=AppPolicy(redirect_uris=(CALLBACK,)))
    async with Emulator(config, clock) as emulator:
        yield emulator


@pytest.fixture
def credentials(emulator):
    """The first org's."""
    return emulator.credentials


def asked(credentials, **changes: str) -> dict[str, str]:
    asking = {"response_type": "code", "client_id": credentials.client_id, "redirect_uri": CALLBACK, "state": "s&1"}
    return {name: value for name, value in {**asking, **changes}.items() if value}


def sealed(page: httpx.Response) -> str:
    found = re.search(r'name="request" value="([^"]+)"', page.text)
    assert found is not None
    return unescape(found[1])


async def decide(browser: httpx.AsyncClient, page: httpx.Response, credentials, **changes: str) -> httpx.Response:
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action is not None
    form = {"request": sealed(page), "decision": "allow", "username": credentials.username}
    return await browser.post(action[1], data=form | {"password": credentials.password} | changes)


def told(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 302
    location = urlsplit(response.headers["Location"])
    assert (location.scheme, location.netloc, location.path) == ("https", "app.example", "/callback")
    return dict(parse_qsl(location.query))


async def code_for(browser: httpx.AsyncClient, credentials, **changes: str) -> str:
    page = await browser.get("/services/oauth2/authorize", params=asked(credentials, **changes))
    return told(await decide(browser, page, credentials))["code"]


def redeeming(credentials, code: str, **changes: str) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return form | {"client_id": credentials.client_id, "client_secret": credentials.client_secret} | changes


async def test_the_whole_flow(anonymous, credentials):
    """Consent gives a code, the code tokens, the refresh token more; the id token is signed by the published key."""
    challenge = challenge_of(VERIFIER)
    code = await code_for(
        anonymous, credentials, code_challenge=challenge, code_challenge_method="S256", nonce="n-1", scope=""
    )

    answer = (
        await anonymous.post("/services/oauth2/token", data=redeeming(credentials, code, code_verifier=VERIFIER))
    ).json()

    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert (await anonymous.get("/services/data/v66.0/limits", headers=bearer)).status_code == 200
    about = (await anonymous.get("/.well-known/openid-configuration")).json()
    key = jwt.PyJWKSet.from_dict((await anonymous.get(about["jwks_uri"])).json()).keys[0]
    claims = jwt.decode(
        answer["id_token"],
        key,
        algorithms=["RS256"],
        audience=credentials.client_id,
        issuer=about["issuer"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["nonce"], claims["sub"]) == ("n-1", answer["id"])
    form = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
    client = (credentials.client_id, credentials.client_secret)
    refreshed = (await anonymous.post("/services/oauth2/token", data=form, auth=client)).json()
    assert refreshed["access_token"] != answer["access_token"]
    assert refreshed["scope"] == answer["scope"]


async def test_the_state_comes_back(anonymous, credentials):
    """The state is given back as it was, beside what the callback URL has of its own."""
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))

    answer = told(await decide(anonymous, page, credentials))

    assert (answer["state"], answer["tab"]) == ("s&1", "1")


async def test_a_narrow_scope(anonymous, credentials):
    """Without `refresh_token` and `openid` neither token comes."""
    code = await code_for(anonymous, credentials, scope="api id")

    answer = (await anonymous.post("/services/oauth2/token", data=redeeming(credentials, code))).json()

    assert answer["scope"] == "api id"
    assert {"refresh_token", "id_token"}.isdisjoint(answer)


async def test_denial(anonymous, credentials):
    """A user who says no is sent back with an error, password or not."""
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))

    answer = told(await decide(anonymous, page, credentials, decision="deny", password=""))

    assert answer == {
        "tab": "1",
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "s&1",
    }


async def test_a_wrong_password(anonymous, credentials):
    """A wrong password shows the page again, from which the right one goes on; another org's user is nobody."""
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))

    again = await decide(anonymous, page, credentials, username='"><script>x</script>', password="wrong")

    assert again.status_code == 200
    assert "Please check your username and password." in again.text
    assert "<script>" not in again.text
    assert "code" in told(await decide(anonymous, again, credentials))


async def test_users_of_other_orgs(anonymous, emulator, credentials):
    """The app of one org takes no user of another."""
    other = emulator.new_org()
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))

    answer = await decide(anonymous, page, other)

    assert "Please check your username and password." in answer.text


async def test_a_form_from_elsewhere(anonymous, emulator, credentials):
    """A form counts only with the cookie of the browser its page was shown to, unchanged and in time."""
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))
    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as other:
        assert (await decide(other, page, credentials)).status_code == 400
    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as other:
        await other.get("/services/oauth2/authorize", params=asked(credentials))
        assert (await decide(other, page, credentials)).status_code == 400

    assert (await decide(anonymous, page, credentials, request="x.y")).status_code == 400
    assert (await decide(anonymous, page, credentials, request="")).status_code == 400


async def test_an_old_page(anonymous, credentials, clock):
    """A page is good for ten minutes."""
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))
    clock.passed += 601

    assert (await decide(anonymous, page, credentials)).status_code == 400


async def test_the_page_is_safe(anonymous, credentials):
    """The page cannot be framed, runs nothing, loads nothing, and its cookie is out of reach for others."""
    hint = "\"'><img>"
    page = await anonymous.get("/services/oauth2/authorize", params=asked(credentials, login_hint=hint, state=hint))

    assert "<img" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-cache, no-store"
    assert "HttpOnly; SameSite=Strict" in page.headers["Set-Cookie"]
    assert not re.search(r"(src|href)=", page.text)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": "x"}, "error=invalid_client_id&error_description=client%20identifier%20invalid"),
        ({"redirect_uri": ""}, "error=redirect_uri_missing&error_description=redirect_uri%20not%20provided"),
        (
            {"redirect_uri": "https://evil.example/"},
            "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration",
        ),
        (
            {"redirect_uri": CALLBACK + "&x=1"},
            "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration",
        ),
    ],
)
async def test_nobody_is_sent_to_a_stranger(anonymous, credentials, changes, expected):
    """Without a registered callback URL there is no redirect but a text."""
    response = await anonymous.get("/services/oauth2/authorize", params=asked(credentials, **changes))

    assert (response.status_code, response.text) == (400, expected)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "magic"}, "unsupported_response_type"),
        ({"scope": "api root"}, "invalid_scope"),
        ({"prompt": "none"}, "immediate_unsuccessful"),
        ({"immediate": "true"}, "immediate_unsuccessful"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_requests_refused(anonymous, credentials, changes, error):
    """What cannot be had is said to the app."""
    response = await anonymous.get("/services/oauth2/authorize", params=asked(credentials, **changes))

    assert (told(response)["error"], told(response)["state"]) == (error, "s&1")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "aPrx"}, "invalid_grant"),
        ({"code": ""}, "invalid_request"),
        ({"redirect_uri": "https://app.example/callback"}, "redirect_uri_mismatch"),
        ({"code_verifier": "unasked"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
    ],
)
async def test_codes_refused(anonymous, credentials, changes, error):
    """A code needs everything it was issued for."""
    code = await code_for(anonymous, credentials)

    response = await anonymous.post("/services/oauth2/token", data=redeeming(credentials, code) | changes)

    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_a_public_app(keys, clock):
    """An app without a secret redeems its code with the verifier alone, and has to have one."""
    policy = AppPolicy(redirect_uris=(CALLBACK,), require_secret=False, require_pkce=True)
    async with (
        Emulator(EmulatorConfig(directory=keys, app=policy), clock) as emulator,
        httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as browser,
    ):
        credentials = replace(emulator.credentials, client_secret="")
        without = await browser.get("/services/oauth2/authorize", params=asked(credentials))
        code = await code_for(browser, credentials, code_challenge=challenge_of(VERIFIER))
        form = redeeming(credentials, code, code_verifier=VERIFIER)
        del form["client_secret"]

        answer = await browser.post("/services/oauth2/token", data=form)

        assert told(without)["error_description"] == "missing required code challenge"
        assert answer.status_code == 200


async def test_only_get_asks(anonymous, credentials):
    """An authorization request is never posted."""
    response = await anonymous.post("/services/oauth2/authorize", data=asked(credentials))

    assert (response.status_code, response.text[:21]) == (400, "error=invalid_request")


async def test_a_device(anonymous, credentials, clock):
    """A device waits, its user enters its code, and it gets its tokens."""
    form = {"response_type": "device_code", "client_id": credentials.client_id, "scope": "api refresh_token"}
    device = (await anonymous.post("/services/oauth2/token", data=form)).json()
    polling = {"grant_type": "device", "client_id": credentials.client_id, "code": device["device_code"]}
    waiting = await anonymous.post("/services/oauth2/token", data=polling)
    hasty = await anonymous.post("/services/oauth2/token", data=polling)

    page = await anonymous.get(device["verification_uri"], params={"user_code": device["user_code"]})
    wrong = await decide(anonymous, page, credentials, user_code="NOTACODE")
    refused = await decide(anonymous, wrong, credentials, user_code=device["user_code"], password="wrong")
    connected = await decide(anonymous, refused, credentials, user_code=device["user_code"])

    clock.passed += device["interval"]
    answer = (await anonymous.post("/services/oauth2/token", data=polling)).json()
    assert (waiting.status_code, waiting.json()) == (400, {"error": "authorization_pending"})
    assert hasty.json() == {"error": "slow_down"}
    assert device["user_code"] in page.text
    assert "invalid or has expired" in wrong.text
    assert "check your username" in refused.text
    assert "The device is connected" in connected.text
    assert {"access_token", "refresh_token", "instance_url"} <= set(answer)


async def test_a_device_denied(anonymous, credentials):
    """A device whose user denies is told so; a consent page is no way to connect one."""
    form = {"response_type": "device_code", "client_id": credentials.client_id}
    device = (await anonymous.post("/services/oauth2/token", data=form)).json()
    page = await anonymous.get("/setup/connect")

    denied = await decide(anonymous, page, credentials, user_code=device["user_code"], decision="deny")

    polling = {"grant_type": "device", "client_id": credentials.client_id, "code": device["device_code"]}
    assert "was not connected" in denied.text
    assert (await anonymous.post("/services/oauth2/token", data=polling)).json()["error"] == "access_denied"
    consent = await anonymous.get("/services/oauth2/authorize", params=asked(credentials))
    form = {"request": sealed(consent), "user_code": device["user_code"], "decision": "deny"}
    header = {"Cookie": consent.headers["Set-Cookie"].partition(";")[0]}
    assert (await anonymous.post("/setup/connect", data=form, headers=header)).status_code == 400
