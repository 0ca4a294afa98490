"""The flows of the token endpoint, as functions from a form to an answer."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from service.emulator.oauth.endpoint import JWT_BEARER, TokenEndpoint
from service.emulator.oauth.faults import OAuthFault
from service.emulator.tenants import Tenant, Tenants
from service.emulator.tls import new_private_key
from tests.support.emulation import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME, make_tenant

URL = "https://acme.example"
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    """The connected app's key."""
    return new_private_key()


@pytest.fixture
def tenant(clock, key) -> Iterator[Tenant]:
    """An org whose connected app knows the key."""
    tenant = make_tenant(clock, key.public_key())
    yield tenant
    tenant.org.close()


@pytest.fixture
def endpoint(tenant, clock) -> TokenEndpoint:
    """The endpoint of an emulator with that one org."""
    tenants = Tenants()
    tenants.add(tenant)
    return TokenEndpoint(tenants, base_url=URL, clock=clock)


def refusal(endpoint: TokenEndpoint, form: dict[str, str], authorization: str = "") -> tuple[str, str]:
    with pytest.raises(OAuthFault) as caught:
        endpoint.issue(form, authorization)
    assert caught.value.status == 400
    return caught.value.error, caught.value.description


def assertion(key: RSAPrivateKey, clock, **claims) -> dict[str, str]:
    claims = {"iss": CLIENT_ID, "sub": USERNAME, "aud": URL, "exp": int(clock.now()) + 180} | claims
    return {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, key, algorithm="RS256")}


def test_a_jwt_answer(endpoint, tenant, key, clock):
    """The JWT flow answers a live token, the instance and who it is for; no issued_at and no signature."""
    answer = endpoint.issue(assertion(key, clock))

    assert {"access_token", "scope", "instance_url", "id", "token_type"} == set(answer)
    assert f"{URL}/id/{tenant.org.id}/{tenant.org.admin_id}" == answer["id"]
    assert tenant.sessions.use(str(answer["access_token"])) is not None


@pytest.mark.parametrize(
    "audience",
    ["https://login.salesforce.com", "https://test.salesforce.com", URL, f"{URL}/", ["https://x.example", URL]],
)
def test_audiences_taken(endpoint, key, clock, audience):
    """The generic login hosts and the org's own are audiences, one of several is enough."""
    assert endpoint.issue(assertion(key, clock, aud=audience))["token_type"] == "Bearer"


@pytest.mark.parametrize("audience", ["https://evil.example", None, 7, []])
def test_audiences_refused(endpoint, key, clock, audience):
    """An assertion for somebody else is refused."""
    form = assertion(key, clock)
    claims = jwt.decode(form["assertion"], options={"verify_signature": False}) | {"aud": audience}
    form["assertion"] = jwt.encode(claims, key, algorithm="RS256")

    assert refusal(endpoint, form) == ("invalid_grant", "audience is invalid")


@pytest.mark.parametrize(("late", "taken"), [(-10, True), (179, True), (181, False)])
def test_an_assertion_outlives_its_end_by_three_minutes(endpoint, key, clock, late, taken):
    """Salesforce forgives clocks that differ by three minutes, and no more."""
    form = assertion(key, clock, exp=int(clock.now()) - late)

    if taken:
        assert endpoint.issue(form)
    else:
        assert refusal(endpoint, form) == ("invalid_grant", "assertion expired")


def test_the_end_may_be_text(endpoint, key, clock):
    """Clients that send `exp` as text are served."""
    assert endpoint.issue(assertion(key, clock, exp=f"{clock.now() + 60:.0f}"))


def test_prn_wins_over_sub(endpoint, key, clock):
    """With both claims the older `prn` names the user."""
    assert endpoint.issue(assertion(key, clock, prn=USERNAME, sub="nobody@acme.example"))


def test_an_unknown_user(endpoint, key, clock):
    """A user the app is not approved for is refused in Salesforce's words."""
    form = assertion(key, clock, sub="nobody@acme.example")

    assert refusal(endpoint, form) == ("invalid_grant", "user hasn't approved this consumer")


def test_an_inactive_user(endpoint, tenant, key, clock):
    """A user who was deactivated cannot log in, by any flow that names one."""
    tenant.org.update("User", tenant.org.admin_id, {"IsActive": False}, user_id=tenant.org.admin_id)
    password = {"grant_type": "password", "username": USERNAME, "password": PASSWORD, **CLIENT}

    assert refusal(endpoint, assertion(key, clock)) == ("invalid_grant", "inactive user")
    assert refusal(endpoint, password) == ("invalid_grant", "authentication failure")


def test_an_assertion_signed_by_somebody_else(endpoint, clock):
    """A signature by another key is refused."""
    form = assertion(new_private_key(), clock)

    assert refusal(endpoint, form) == ("invalid_grant", "invalid signature")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_an_assertion_that_is_not_rs256(endpoint, clock, algorithm):
    """Unsigned and symmetrically signed assertions are refused."""
    claims = {"iss": CLIENT_ID, "sub": USERNAME, "aud": URL, "exp": int(clock.now()) + 60}
    secret = "" if algorithm == "none" else "s" * 32
    form = {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, secret, algorithm=algorithm)}

    assert refusal(endpoint, form) == ("invalid_grant", "invalid assertion")


@pytest.mark.parametrize("text", ["x", "a.b.c", "..", "\x00"])
def test_an_assertion_that_is_no_jwt(endpoint, text):
    """Garbage is refused."""
    assert refusal(endpoint, {"grant_type": JWT_BEARER, "assertion": text}) == ("invalid_grant", "invalid assertion")


def test_an_unknown_consumer(endpoint, key, clock):
    """An issuer nobody registered is refused."""
    expected = ("invalid_client_id", "client identifier invalid")

    assert expected == refusal(endpoint, assertion(key, clock, iss="3MVG9other"))
    assert expected == refusal(endpoint, {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"})


def test_client_credentials_by_body_and_by_header(endpoint, tenant):
    """Both ways to authenticate the client give a signed answer for the run-as user."""
    basic = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()

    by_body = endpoint.issue({"grant_type": "client_credentials", **CLIENT})
    by_header = endpoint.issue({"grant_type": "client_credentials"}, basic)

    assert set(by_body) == set(by_header)
    assert by_body["access_token"] != by_header["access_token"]
    session = tenant.sessions.find(str(by_body["access_token"]))
    assert tenant.org.admin_id == session.user_id
    signed = f"{by_body['id']}{by_body['issued_at']}".encode()
    signature = hmac.digest(CLIENT_SECRET.encode(), signed, hashlib.sha256)
    assert base64.b64encode(signature).decode() == by_body["signature"]


def test_issued_at_is_text(endpoint, clock):
    """`issued_at` is epoch milliseconds as text."""
    answer = endpoint.issue({"grant_type": "client_credentials", **CLIENT})

    assert str(int(clock.now() * 1000)) == answer["issued_at"]


@pytest.mark.parametrize("authorization", ["Basic ", "Basic !!", "Basic " + base64.b64encode(b"\xff\xfe").decode()])
def test_a_broken_basic_header(endpoint, authorization):
    """A header that is no Basic pair is refused, not a defect."""
    assert refusal(endpoint, {"grant_type": "client_credentials"}, authorization)[0].startswith("invalid_client")


def test_a_wrong_secret(endpoint):
    """A wrong secret is refused."""
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "wrong\xe9"}

    assert refusal(endpoint, form) == ("invalid_client", "invalid client credentials")


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        (PASSWORD, True),
        (PASSWORD + SECURITY_TOKEN, True),
        (PASSWORD + "x", False),
        ("", False),
        (SECURITY_TOKEN, False),
    ],
)
def test_passwords(endpoint, password, taken):
    """A password is taken alone or followed by the security token."""
    form = {"grant_type": "password", "username": USERNAME.upper(), "password": password, **CLIENT}

    if taken:
        assert endpoint.issue(form)["access_token"]
    else:
        assert refusal(endpoint, form) == ("invalid_grant", "authentication failure")


@pytest.mark.parametrize("name", ["", "x' OR Username LIKE '%", "nobody@acme.example", "\x00"])
def test_unknown_names(endpoint, name):
    """A name of no user is an authentication failure like any other."""
    form = {"grant_type": "password", "username": name, "password": PASSWORD, **CLIENT}

    assert refusal(endpoint, form) == ("invalid_grant", "authentication failure")


def test_other_grants(endpoint):
    """A missing or unknown grant type is named as such."""
    assert refusal(endpoint, {})[0] == "invalid_request"
    assert refusal(endpoint, {"grant_type": "magic"}) == ("unsupported_grant_type", "grant type not supported")


def test_introspection(endpoint, tenant, clock):
    """A live token is described to its own client, with an end that is the idle time away."""
    token = tenant.sessions.open(tenant.org.admin_id, CLIENT_ID).token

    answer = endpoint.introspect({"token": token, **CLIENT})

    assert (answer["active"], answer["username"], answer["client_id"]) == (True, USERNAME, CLIENT_ID)
    assert int(clock.now()) + 7200 == answer["exp"]


def test_introspection_of_a_dead_token(endpoint):
    """A token that never was is only said to be inactive; a client that is nobody is refused."""
    assert endpoint.introspect({"token": "00D!x", **CLIENT}) == {"active": False}
    with pytest.raises(OAuthFault):
        endpoint.introspect({"token": "00D!x", "client_id": CLIENT_ID, "client_secret": "wrong"})


def test_revocation(endpoint, tenant):
    """Revoking ends the session; doing it again says the token is invalid."""
    token = tenant.sessions.open(tenant.org.admin_id).token

    endpoint.revoke(token)

    assert tenant.sessions.find(token) is None
    with pytest.raises(OAuthFault) as caught:
        endpoint.revoke(token)
    assert caught.value.error == "invalid_token"


def refresh_form(tenant: Tenant, **changes: str) -> dict[str, str]:
    token = tenant.grants.approve(tenant.org.admin_id, CLIENT_ID, "api refresh_token").token
    return {"grant_type": "refresh_token", "refresh_token": token, **CLIENT} | changes


def test_a_refresh(endpoint, tenant):
    """A refresh token brings a new access token of the same scope, and stays the same itself."""
    form = refresh_form(tenant)

    first, second = endpoint.issue(form), endpoint.issue(form)

    assert first["access_token"] != second["access_token"]
    assert "refresh_token" not in first
    assert first["scope"] == "api refresh_token"
    assert tenant.sessions.use(str(second["access_token"])) is not None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"refresh_token": "5Aep861x"}, ("invalid_grant", "expired access/refresh token")),
        ({"refresh_token": ""}, ("invalid_request", "missing required parameters: refresh_token")),
        ({"client_secret": "wrong"}, ("invalid_client", "invalid client credentials")),
        ({"client_secret": ""}, ("invalid_client", "invalid client credentials")),
        ({"client_id": "x"}, ("invalid_client_id", "client identifier invalid")),
    ],
)
def test_refreshes_refused(endpoint, tenant, changes, expected):
    """A refresh needs a live token and the app's own secret."""
    assert refusal(endpoint, refresh_form(tenant, **changes)) == expected


def test_a_refresh_of_an_inactive_user(endpoint, tenant):
    """A user who was deactivated gets nothing, and has the same token when active again."""
    form = refresh_form(tenant)
    admin = tenant.org.admin_id
    tenant.org.update("User", admin, {"IsActive": False}, user_id=admin)

    assert refusal(endpoint, form) == ("invalid_grant", "inactive user")

    tenant.org.update("User", admin, {"IsActive": True}, user_id=admin)
    assert endpoint.issue(form)


def test_client_credentials_of_an_inactive_user(endpoint, tenant):
    """Without an active run-as user the client-credentials flow says so."""
    admin = tenant.org.admin_id
    tenant.org.update("User", admin, {"IsActive": False}, user_id=admin)

    expected = ("invalid_grant", "no client credentials user enabled")
    assert refusal(endpoint, {"grant_type": "client_credentials", **CLIENT}) == expected


async def test_one_refresh_at_a_time(endpoint, tenant):
    """While a refresh runs, another one with its token is refused, and with another token is not."""
    form, other = refresh_form(tenant), refresh_form(tenant)

    async with endpoint.turn(form), endpoint.turn(other):
        with pytest.raises(OAuthFault, match="token request is already being processed"):
            async with endpoint.turn(form):
                pass

    async with endpoint.turn(form):
        assert endpoint.issue(form)


async def test_a_refused_refresh_frees_its_token(endpoint, tenant):
    """A refresh that fails leaves its token usable."""
    form = refresh_form(tenant)
    with pytest.raises(KeyError):
        async with endpoint.turn(form):
            raise KeyError

    async with endpoint.turn(form):
        assert endpoint.issue(form)


def test_introspection_of_a_refresh_token(endpoint, tenant):
    """A refresh token is described as one, without an end."""
    form = refresh_form(tenant)

    answer = endpoint.introspect({"token": form["refresh_token"], "token_type_hint": "refresh_token", **CLIENT})

    assert (answer["active"], answer["token_type"], answer["scope"]) == (True, "refresh_token", "api refresh_token")
    assert "exp" not in answer


def test_revoking_a_refresh_token(endpoint, tenant):
    """The access tokens it brought end with a refresh token."""
    form = refresh_form(tenant)
    access = str(endpoint.issue(form)["access_token"])

    endpoint.revoke(form["refresh_token"])

    assert tenant.sessions.find(access) is None
    assert refusal(endpoint, form) == ("invalid_grant", "expired access/refresh token")
    assert endpoint.introspect({"token": form["refresh_token"], **CLIENT}) == {"active": False}


def test_revoking_an_access_token(endpoint, tenant):
    """A refresh token outlives the access tokens it brought."""
    form = refresh_form(tenant)

    endpoint.revoke(str(endpoint.issue(form)["access_token"]))

    assert endpoint.issue(form)
