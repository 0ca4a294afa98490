"""The assertions of the JWT bearer flow: who signed them, for whom, and until when."""

from collections.abc import Collection, Mapping

import jwt

from service.emulator.oauth.faults import OAuthFault, missing
from service.emulator.tenants import Tenant, Tenants

CLOCK_SKEW_SECONDS = 180
"""How long after `exp` an assertion is still taken. Source: Salesforce help, "OAuth 2.0 JWT Bearer Flow"."""

_GENERIC_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


def asserted(tenants: Tenants, assertion: str, *, hosts: Collection[str], now: float) -> tuple[Tenant, str]:
    """Return the org and the user name an assertion speaks for.

    Args:
        tenants: The orgs, with one app each.
        assertion: A JWT.
        hosts: Audiences beside the generic login hosts.
        now: Epoch seconds.

    Raises:
        OAuthFault: It is no JWT, or not one of a known app, for this host and of this time.

    """
    if not assertion:
        raise missing("assertion")
    tenant = tenants.by_client_id(_text(_decode(assertion, None), "iss"))
    if tenant is None:
        raise OAuthFault("invalid_client_id", "client identifier invalid")
    claims = _decode(assertion, tenant)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    accepted = {*_GENERIC_AUDIENCES, *hosts}
    if not any(isinstance(each, str) and each.rstrip("/") in accepted for each in audiences):
        raise OAuthFault("invalid_grant", "audience is invalid")
    if _expiry(claims) + CLOCK_SKEW_SECONDS < now:
        raise OAuthFault("invalid_grant", "assertion expired")
    return tenant, _text(claims, "prn") or _text(claims, "sub")


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
    except (ValueError, OverflowError):
        raise OAuthFault("invalid_grant", "invalid assertion") from None


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""
