"""OAuth 2.0 flows as values: each makes the form of a token request and never touches the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import jwt

from service.errors import OrgAuthenticationFailed

_ASSERTION_SECONDS = 180
"""Salesforce takes assertions that expire within three minutes (help: "OAuth 2.0 JWT Bearer Flow")."""
JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Flow(Protocol):
    """A way to get an access token."""

    def form(self, now: float) -> Mapping[str, str]:
        """Return the form fields of a token request.

        Args:
            now: Seconds since the epoch.

        Raises:
            OrgAuthenticationFailed: The key or secret cannot be read.

        """
        ...


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """RFC 7523 with a key that never leaves the service; the key file is read anew each time, so it may rotate."""

    client_id: str
    username: str
    audience: str
    private_key_file: Path

    def form(self, now: float) -> Mapping[str, str]:
        """Return a signed assertion, valid for three minutes."""
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(now) + _ASSERTION_SECONDS,
        }
        key = _read(self.private_key_file, "private_key_file")
        try:
            assertion = jwt.encode(claims, key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise OrgAuthenticationFailed(f"private_key_file {self.private_key_file} holds no RSA key in PEM") from None
        return {"grant_type": JWT_BEARER_GRANT, "assertion": assertion}


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """RFC 6749 section 4.4; Salesforce takes it on My Domain hosts only."""

    client_id: str
    client_secret_file: Path

    def form(self, now: float) -> Mapping[str, str]:  # noqa: ARG002 - the secret does not age
        """Return the client's id and secret."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": _read(self.client_secret_file, "client_secret_file").strip(),
        }


def _read(path: Path, setting: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OrgAuthenticationFailed(
            f"{setting} {path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}"
        ) from None
