"""Which app a token request comes from."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from service.emulator.oauth.faults import OAuthFault
from service.emulator.tenants import Tenant, Tenants


def client_of(
    tenants: Tenants, form: Mapping[str, str], authorization: str = "", *, secret_required: bool = True
) -> Tenant:
    """Return the org of the app that sent a form.

    Args:
        tenants: The orgs, with one app each.
        form: May hold `client_id` and `client_secret`.
        authorization: The `Authorization` header; may carry both as Basic instead.
        secret_required: Whether the secret may be absent; a wrong one is refused anyway.

    Raises:
        OAuthFault: There is no such app, or the secret is not its own.

    """
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization[:6].lower() == "basic ":
        client_id, secret = _basic(authorization[6:])
    tenant = tenants.by_client_id(client_id)
    if tenant is None:
        raise OAuthFault("invalid_client_id", "client identifier invalid")
    right = hmac.compare_digest(secret.encode(), tenant.app.client_secret.encode())
    if not right and (secret or secret_required):
        raise OAuthFault("invalid_client", "invalid client credentials")
    return tenant


def _basic(encoded: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthFault("invalid_client", "invalid client credentials") from None
    client_id, _, client_secret = pair.partition(":")
    return unquote(client_id), unquote(client_secret)
