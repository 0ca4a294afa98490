"""The token endpoint: a form goes in, a token answer or a refusal comes out."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from service.clock import Clock
from service.emulator.oauth.assertions import asserted
from service.emulator.oauth.clients import client_of
from service.emulator.oauth.codes import AuthorizationCodes
from service.emulator.oauth.devices import INTERVAL_SECONDS, Devices
from service.emulator.oauth.faults import OAuthFault, missing
from service.emulator.oauth.grants import Grant
from service.emulator.oauth.openid import IdTokens
from service.emulator.oauth.scopes import granted, identified, refreshable
from service.emulator.sessions import Session
from service.emulator.tenants import Tenant, Tenants

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_REFRESH = "refresh_token"
_IDENTIFYING = frozenset({"authorization_code", "device", _REFRESH})


class TokenEndpoint:
    """Issues, describes and revokes tokens for all orgs of one emulator.

    Args:
        tenants: Who is known.
        base_url: Scheme, host and port the emulator is reached at. It counts as a "My Domain" host, the only
            kind that takes the client-credentials flow.
        clock: Judges assertions, codes and devices.
        refresh_seconds: How long a refresh takes, and so how long its token cannot be used by anybody else.

    """

    def __init__(self, tenants: Tenants, *, base_url: str, clock: Clock, refresh_seconds: float = 0.0) -> None:
        self.codes = AuthorizationCodes(clock)
        self.devices = Devices(clock)
        self.id_tokens = IdTokens(base_url, clock)
        self._tenants = tenants
        self._base_url = base_url
        self._clock = clock
        self._refresh_seconds = refresh_seconds
        self._in_use: set[str] = set()
        self._flows: dict[str, Callable[[Mapping[str, str], str], dict[str, object]]] = {
            JWT_BEARER: self._jwt_bearer,
            "client_credentials": self._client_credentials,
            "password": self._password,
            "authorization_code": self._authorization_code,
            _REFRESH: self._refresh,
            "device": self._device,
        }

    @asynccontextmanager
    async def turn(self, form: Mapping[str, str]) -> AsyncIterator[None]:
        """Take the time a token request takes, and keep its refresh token from all others until the block ends.

        Raises:
            OAuthFault: Another request uses the refresh token.

        """
        grant_type = form.get("grant_type", "")
        if grant_type in _IDENTIFYING:
            await self.id_tokens.prepare()
        token = form.get("refresh_token", "")
        if grant_type != _REFRESH or not token:
            yield
            return
        if token in self._in_use:
            # Callers have to wait, and to try again with the token the other request got.
            raise OAuthFault("invalid_grant", "token request is already being processed")
        self._in_use.add(token)
        try:
            await self._clock.sleep(self._refresh_seconds)
            yield
        finally:
            self._in_use.discard(token)

    def issue(self, form: Mapping[str, str], authorization: str = "") -> dict[str, object]:
        """Answer a token request.

        Args:
            form: The decoded form.
            authorization: The `Authorization` header; may carry the client's id and secret as Basic.

        Raises:
            OAuthFault: The grant is refused.

        """
        if form.get("response_type") == "device_code":
            return self._device_codes(form, authorization)
        grant_type = form.get("grant_type", "")
        if not grant_type:
            raise missing("grant_type")
        flow = self._flows.get(grant_type)
        if flow is None:
            raise OAuthFault("unsupported_grant_type", "grant type not supported")
        return flow(form, authorization)

    def introspect(self, form: Mapping[str, str], authorization: str = "") -> dict[str, object]:
        """Describe an access or refresh token; one that is dead or of another org is only said to be inactive.

        The hint about the kind of token is not needed. A refresh token has no end to tell.

        Raises:
            OAuthFault: The client does not authenticate.

        Source: RFC 7662.

        """
        tenant = client_of(self._tenants, form, authorization)
        token = form.get("token", "")
        session, grant = tenant.sessions.find(token), tenant.grants.find(token)
        found = session or grant
        user = tenant.users.by_id(found.user_id) if found else None
        if found is None or user is None:
            return {"active": False}
        begun = int(session.opened_at if session else grant.approved_at if grant else 0)
        described: dict[str, object] = {
            "active": True,
            "scope": found.scope,
            "client_id": found.client_id,
            "username": user.username,
            "sub": self.identity_url(tenant, user.id),
            "token_type": "access_token" if session else _REFRESH,
        }
        end: dict[str, object] = {"exp": int(tenant.sessions.expires_at(session))} if session else {}
        return described | end | {"iat": begun, "nbf": begun}

    def revoke(self, token: str) -> None:
        """End the session of an access token, or the approval of a refresh token with all its sessions.

        Raises:
            OAuthFault: No session and no approval has that token.

        """
        tenant = self._tenants.by_token(token)
        if tenant is not None and tenant.sessions.find(token) is not None:
            tenant.sessions.revoke(token)
        elif not any(each.grants.revoke(token) for each in self._tenants):
            raise OAuthFault("invalid_token", "invalid token")

    def identity_url(self, tenant: Tenant, user_id: str) -> str:
        """Return the URL that names a user; its last two segments are the org's and the user's id."""
        return f"{self._base_url}/id/{tenant.org.id}/{user_id}"

    def _jwt_bearer(self, form: Mapping[str, str], _authorization: str) -> dict[str, object]:
        tenant, name = asserted(
            self._tenants, form.get("assertion", ""), hosts=(self._base_url,), now=self._clock.now()
        )
        user = tenant.users.by_username(name)
        if user is None:
            raise OAuthFault("invalid_grant", "user hasn't approved this consumer")
        if not user.active:
            raise OAuthFault("invalid_grant", "inactive user")
        session = tenant.sessions.open(user.id, tenant.app.client_id)
        return {
            "access_token": session.token,
            "scope": session.scope,
            "instance_url": tenant.instance_url,
            "id": self.identity_url(tenant, user.id),
            "token_type": "Bearer",
        }

    def _client_credentials(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = client_of(self._tenants, form, authorization)
        user = tenant.users.by_id(tenant.app.run_as_user_id)
        if user is None or not user.active:
            raise OAuthFault("invalid_grant", "no client credentials user enabled")
        return self._signed_answer(tenant, tenant.sessions.open(user.id, tenant.app.client_id, scope="api"))

    def _password(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = client_of(self._tenants, form, authorization)
        user = tenant.users.authenticate(form.get("username", ""), form.get("password", ""))
        if user is None:
            raise OAuthFault("invalid_grant", "authentication failure")
        return self._signed_answer(tenant, tenant.sessions.open(user.id, tenant.app.client_id, scope="api"))

    def _authorization_code(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = self._possibly_public(form, authorization)
        for parameter in ("code", "redirect_uri"):
            if not form.get(parameter):
                raise missing(parameter)
        approval = self.codes.redeem(
            form["code"],
            client_id=tenant.app.client_id,
            redirect_uri=form["redirect_uri"],
            verifier=form.get("code_verifier", ""),
        )
        return self._approved_answer(tenant, approval.user_id, approval.scope, approval.nonce)

    def _refresh(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = self._possibly_public(form, authorization)
        token = form.get("refresh_token", "")
        if not token:
            raise missing("refresh_token")
        known = tenant.grants.find(token)
        user = tenant.users.by_id(known.user_id) if known else None
        if known is not None and (user is None or not user.active):
            raise OAuthFault("invalid_grant", "inactive user")
        rotate = tenant.app.rotate_refresh_tokens
        grant = tenant.grants.redeem(token, tenant.app.client_id, rotate=rotate)
        session = self._open(tenant, grant.user_id, grant.scope, grant)
        answer = self._signed_answer(tenant, session)
        return answer | ({"refresh_token": grant.token} if rotate else {})

    def _device_codes(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = client_of(self._tenants, form, authorization, secret_required=False)
        request = self.devices.begin(tenant.org.id, tenant.app.client_id, granted(form.get("scope", "")))
        return {
            "device_code": request.device_code,
            "user_code": request.user_code,
            "verification_uri": f"{self._base_url}/setup/connect",
            "interval": INTERVAL_SECONDS,
        }

    def _device(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        tenant = client_of(self._tenants, form, authorization, secret_required=False)
        request = self.devices.poll(form.get("code", ""), tenant.app.client_id)
        return self._approved_answer(tenant, request.user_id, request.scope)

    def _possibly_public(self, form: Mapping[str, str], authorization: str) -> Tenant:
        known = client_of(self._tenants, form, authorization, secret_required=False)
        return client_of(self._tenants, form, authorization, secret_required=known.app.require_secret)

    def _approved_answer(self, tenant: Tenant, user_id: str, scope: str, nonce: str = "") -> dict[str, object]:
        grant = tenant.grants.approve(user_id, tenant.app.client_id, scope) if refreshable(scope) else None
        session = self._open(tenant, user_id, scope, grant)
        answer = self._signed_answer(tenant, session, nonce)
        return answer | ({"refresh_token": grant.token} if grant else {})

    def _open(self, tenant: Tenant, user_id: str, scope: str, grant: Grant | None) -> Session:
        grant_id = grant.id if grant else ""
        return tenant.sessions.open(user_id, tenant.app.client_id, scope=scope, grant_id=grant_id)

    def _signed_answer(self, tenant: Tenant, session: Session, nonce: str = "") -> dict[str, object]:
        identity = self.identity_url(tenant, session.user_id)
        issued_at = str(int(session.opened_at * 1000))
        signature = hmac.digest(tenant.app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
        answer: dict[str, object] = {
            "access_token": session.token,
            "signature": base64.b64encode(signature).decode(),
            "scope": session.scope,
            "instance_url": tenant.instance_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        if identified(session.scope):
            answer["id_token"] = self.id_tokens.sign(
                subject=identity, client_id=session.client_id, access_token=session.token, nonce=nonce
            )
        return answer
