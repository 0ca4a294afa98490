"""Authorization codes: what a browser carries from the consent page to the app, once."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from service.clock import Clock
from service.emulator.oauth.faults import OAuthFault

LIFE_SECONDS = 900
"""How long a code may be redeemed; unverified."""

_REMEMBERED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Approval:
    """What a user said yes to."""

    org_id: str
    user_id: str
    client_id: str
    scope: str
    redirect_uri: str
    challenge: str = field(default="", repr=False)
    """SHA-256 of the app's verifier, in base64url; empty without PKCE."""
    nonce: str = ""
    """Comes back in the id token."""


@dataclass(slots=True)
class _Kept:
    approval: Approval
    issued_at: float
    used: bool = False


class AuthorizationCodes:
    """The codes of one emulator.

    Args:
        clock: Ends them.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def issue(self, approval: Approval) -> str:
        """Return a code for an approval. It ends with `==`, so that clients show whether they escape it."""
        now = self._clock.monotonic()
        for code, kept in list(self._kept.items()):
            if now - kept.issued_at <= _REMEMBERED_SECONDS:
                break
            del self._kept[code]
        code = "aPrx" + secrets.token_urlsafe(60).replace("-", ".") + "=="
        self._kept[code] = _Kept(approval, now)
        return code

    def redeem(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Approval:
        """Return what a code stands for, and end it whatever comes of that.

        Args:
            code: From the redirect.
            client_id: Whom it has to have been issued to.
            redirect_uri: Has to be the one the code was sent to.
            verifier: What the challenge was made from; empty without PKCE.

        Raises:
            OAuthFault: Nobody was given that code, it is used or too old, or one of the others does not fit.
                Source: Salesforce help, "OAuth 2.0 Web Server Flow"; the texts are known from reports.

        """
        kept = self._kept.get(code)
        if kept is None or kept.approval.client_id != client_id:
            raise OAuthFault("invalid_grant", "invalid authorization code")
        if kept.used or self._clock.monotonic() - kept.issued_at > LIFE_SECONDS:
            raise OAuthFault("invalid_grant", "expired authorization code")
        kept.used = True
        if redirect_uri != kept.approval.redirect_uri:
            raise OAuthFault("redirect_uri_mismatch", "redirect_uri must match configuration")
        if not hmac.compare_digest(challenge_of(verifier).encode(), kept.approval.challenge.encode()):
            raise OAuthFault("invalid_grant", "invalid code verifier")
        return kept.approval


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier, and nothing for no verifier. Source: RFC 7636, section 4.2."""
    if not verifier:
        return ""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
