"""The OAuth 2.0 flows of the token endpoint: a form goes in, a token answer or a refusal comes out."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import jwt

from service.clock import Clock
from service.emulator.sessions import Session
from service.emulator.tenants import Tenant, Tenants

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLOCK_SKEW_SECONDS = 180
"""How long after `exp` an assertion is still taken. Source: Salesforce help, "OAuth 2.0 JWT Bearer Flow"."""

_GENERIC_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


class OAuthFault(Exception):
    """A refusal of an OAuth endpoint. Source: Salesforce help, "OAuth 2.0 Authorization Errors".

    Args:
        error: The code.
        description: The text; several of Salesforce's are known only from reports.
        status: HTTP status.

    """

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class TokenEndpoint:
    """Issues, describes and revokes access tokens for all orgs of one emulator.

    Args:
        tenants: Who is known.
        base_url: Scheme, host and port the emulator is reached at. It counts as a "My Domain" host, the only
            kind that takes the client-credentials flow.
        clock: Judges assertions.

    """

    def __init__(self, tenants: Tenants, *, base_url: str, clock: Clock) -> None:
        self._tenants = tenants
        self._base_url = base_url
        self._clock = clock
        self._flows: dict[str, Callable[[Mapping[str, str], str], dict[str, object]]] = {
            JWT_BEARER: self._jwt_bearer,
            "client_credentials": self._client_credentials,
            "password": self._password,
        }

    def issue(self, form: Mapping[str, str], authorization: str = "") -> dict[str, object]:
        """Answer a token request.

        Args:
            form: The decoded form.
            authorization: The `Authorization` header; may carry the client's id and secret as Basic.

        Raises:
            OAuthFault: The grant is refused.

        """
        grant_type = form.get("grant_type", "")
        if not grant_type:
            raise OAuthFault("invalid_request", "missing required parameters: grant_type")
        flow = self._flows.get(grant_type)
        if flow is None:
            raise OAuthFault("unsupported_grant_type", "grant type not supported")
        return flow(form, authorization)

    def introspect(self, form: Mapping[str, str], authorization: str = "") -> dict[str, object]:
        """Describe a token; one that is dead or of another org is only said to be inactive.

        Raises:
            OAuthFault: The client does not authenticate.

        Source: RFC 7662.

        """
        tenant = self._client(form, authorization)
        session = tenant.sessions.find(form.get("token", ""))
        user = tenant.users.by_id(session.user_id) if session else None
        if session is None or user is None:
            return {"active": False}
        return {
            "active": True,
            "scope": "id api",
            "client_id": session.client_id,
            "username": user.username,
            "sub": self.identity_url(tenant, session.user_id),
            "token_type": "access_token",
            "exp": int(tenant.sessions.expires_at(session)),
            "iat": int(session.opened_at),
            "nbf": int(session.opened_at),
        }

    def revoke(self, token: str) -> None:
        """End the session of a token.

        Raises:
            OAuthFault: No live session has that token.

        """
        tenant = self._tenants.by_token(token)
        if tenant is None or tenant.sessions.find(token) is None:
            raise OAuthFault("invalid_token", "invalid token")
        tenant.sessions.revoke(token)

    def identity_url(self, tenant: Tenant, user_id: str) -> str:
        """Return the URL that names a user; its last two segments are the org's and the user's id."""
        return f"{self._base_url}/id/{tenant.org.id}/{user_id}"

    def _jwt_bearer(self, form: Mapping[str, str], _authorization: str) -> dict[str, object]:
        assertion = form.get("assertion", "")
        if not assertion:
            raise OAuthFault("invalid_request", "missing required parameters: assertion")
        claimed = _decode(assertion, None)
        tenant = self._tenants.by_client_id(_text(claimed, "iss"))
        if tenant is None:
            raise OAuthFault("invalid_client_id", "client identifier invalid")
        claims = _decode(assertion, tenant)
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        accepted = {*_GENERIC_AUDIENCES, self._base_url}
        if not any(isinstance(each, str) and each.rstrip("/") in accepted for each in audiences):
            raise OAuthFault("invalid_grant", "audience is invalid")
        if _expiry(claims) + CLOCK_SKEW_SECONDS < self._clock.now():
            raise OAuthFault("invalid_grant", "assertion expired")
        user = tenant.users.by_username(_text(claims, "prn") or _text(claims, "sub"))
        if user is None:
            raise OAuthFault("invalid_grant", "user hasn't approved this consumer")
        if not user.active:
            raise OAuthFault("invalid_grant", "inactive user")
        session = tenant.sessions.open(user.id, tenant.app.client_id)
        return {
            "access_token": session.token,
            "scope": "api id",
            "instance_url": self._base_url,
            "id": self.identity_url(tenant, user.id),
            "token_type": "Bearer",
        }

    def _client_credentials(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = self._client(form, authorization)
        session = tenant.sessions.open(tenant.app.run_as_user_id, tenant.app.client_id)
        return self._signed_answer(tenant, session)

    def _password(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = self._client(form, authorization)
        user = tenant.users.authenticate(form.get("username", ""), form.get("password", ""))
        if user is None:
            raise OAuthFault("invalid_grant", "authentication failure")
        return self._signed_answer(tenant, tenant.sessions.open(user.id, tenant.app.client_id))

    def _client(self, form: Mapping[str, str], authorization: str) -> Tenant:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization[:6].lower() == "basic ":
            client_id, client_secret = _basic(authorization[6:])
        tenant = self._tenants.by_client_id(client_id)
        if tenant is None:
            raise OAuthFault("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(client_secret.encode(), tenant.app.client_secret.encode()):
            raise OAuthFault("invalid_client", "invalid client credentials")
        return tenant

    def _signed_answer(self, tenant: Tenant, session: Session) -> dict[str, object]:
        identity = self.identity_url(tenant, session.user_id)
        issued_at = str(int(session.opened_at * 1000))
        signature = hmac.digest(tenant.app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
        return {
            "access_token": session.token,
            "signature": base64.b64encode(signature).decode(),
            "scope": "api",
            "instance_url": self._base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }


def _decode(assertion: str, tenant: Tenant | None) -> dict[str, object]:
    # Times and audience are judged by the caller: PyJWT would use the machine's clock and its own texts.
    checks = {"verify_signature": tenant is not None, "verify_exp": False, "verify_aud": False, "verify_nbf": False}
    checks |= {"verify_iat": False, "verify_sub": False}
    key = tenant.app.public_key if tenant else ""
    try:
        claims: dict[str, object] = jwt.decode(assertion, key, algorithms=["RS256"], options=checks)  # type: ignore[arg-type] # a dict of the same keys
    except jwt.InvalidSignatureError:
        raise OAuthFault("invalid_grant", "invalid signature") from None
    except jwt.InvalidTokenError:
        raise OAuthFault("invalid_grant", "invalid assertion") from None
    return claims


def _expiry(claims: Mapping[str, object]) -> float:
    # Some clients send the number as text, and Salesforce takes it.
    value = claims.get("exp")
    try:
        return float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        raise OAuthFault("invalid_grant", "invalid assertion") from None


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""


def _basic(encoded: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthFault("invalid_client", "invalid client credentials") from None
    client_id, _, client_secret = pair.partition(":")
    return unquote(client_id), unquote(client_secret)
