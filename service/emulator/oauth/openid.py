"""OpenID Connect: the key id tokens are signed with, the tokens, and what the host says about itself."""

import asyncio
import base64
import hashlib

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers

from service.clock import Clock
from service.emulator.oauth.scopes import ALL_SCOPES
from service.emulator.tls import new_private_key

ID_TOKEN_SECONDS = 120
"""Salesforce's default. Source: Salesforce help, "ID Token"."""

_BITS_OF_A_BYTE = 8


class IdTokens:
    """Signs id tokens with a key that is made when it is first needed.

    Args:
        issuer: Scheme, host and port of the emulator.
        clock: Dates the tokens.

    """

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._making = asyncio.Lock()
        self._key: RSAPrivateKey | None = None

    async def prepare(self) -> None:
        """Make the key unless it is there; takes about a tenth of a second, in a thread."""
        async with self._making:
            if self._key is None:
                self._key = await asyncio.to_thread(new_private_key)

    def sign(self, *, subject: str, client_id: str, access_token: str, nonce: str = "") -> str:
        """Return an id token.

        Args:
            subject: The user's identity URL.
            client_id: Whom it is for.
            access_token: Bound to it by its hash.
            nonce: From the authorization request; empty when it had none.

        """
        now = int(self._clock.now())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: dict[str, object] = {
            "at_hash": _base64url(half),
            "sub": subject,
            "aud": client_id,
            "iss": self._issuer,
            "exp": now + ID_TOKEN_SECONDS,
            "iat": now,
        }
        if nonce:
            claims["nonce"] = nonce
        key = self._prepared()
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _key_id(key)})

    def key_set(self) -> dict[str, object]:
        """Return the public key as a JSON Web Key Set. Source: RFC 7517."""
        key = self._prepared()
        numbers = key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "n": _number(numbers.n),
                    "e": _number(numbers.e),
                    "alg": "RS256",
                    "use": "sig",
                    "kid": _key_id(key),
                }
            ]
        }

    def _prepared(self) -> RSAPrivateKey:
        if self._key is None:
            raise RuntimeError("the key has not been prepared")
        return self._key


def discovery(url: str) -> dict[str, object]:
    """Return the answer of `/.well-known/openid-configuration`.

    Source: Salesforce help, "Query for the OpenID Connect Configuration".

    Args:
        url: Scheme, host and port of the emulator.

    """
    oauth = f"{url}/services/oauth2"
    return {
        "issuer": url,
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "revocation_endpoint": f"{oauth}/revoke",
        "userinfo_endpoint": f"{oauth}/userinfo",
        "jwks_uri": f"{url}/id/keys",
        "introspection_endpoint": f"{oauth}/introspect",
        "scopes_supported": sorted(ALL_SCOPES),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "display_values_supported": ["page"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": sorted(_CLAIMS),
        "code_challenge_methods_supported": ["S256"],
    }


_CLAIMS = (
    "active",
    "address",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "is_app_installed",
    "language",
    "locale",
    "name",
    "nickname",
    "organization_id",
    "photos",
    "picture",
    "preferred_username",
    "profile",
    "sub",
    "updated_at",
    "urls",
    "user_id",
    "user_type",
    "utcOffset",
    "zoneinfo",
)


def _key_id(key: RSAPrivateKey) -> str:
    numbers: RSAPublicNumbers = key.public_key().public_numbers()
    return _base64url(hashlib.sha256(_number(numbers.n).encode()).digest()[:12])


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + _BITS_OF_A_BYTE - 1) // _BITS_OF_A_BYTE, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
