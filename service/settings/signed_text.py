"""Text that is given out signed and taken back: whoever holds it can read it, and nobody else can make or change it.

It is `1.<key id>.<payload>.<signature>`: the payload in base64url, the signature HMAC-SHA256 in base64url over
everything before it.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from service.errors import FieldViolation, InvalidToken
from service.settings.signing_key import SigningKey

MAX_TOKEN_LENGTH = 4096
"""What the contract's fields for tokens take."""

_VERSION = "1"
_TOKEN = re.compile(r"1\.(?P<key>[A-Za-z0-9_-]{1,32})\.(?P<payload>[A-Za-z0-9_-]+)\.(?P<signature>[A-Za-z0-9_-]{43})")


class TextSigner:
    """Signs payloads of one purpose, and reads what was signed.

    Args:
        keys: The first signs; all verify.
        purpose: Keeps what was signed with the same secret for another purpose from being taken for this.
        giver: Which call gives the text out, for errors.
        longest: Most characters of a text that is read.

    Raises:
        ValueError: There is no key, or two have one id.

    """

    def __init__(
        self, keys: tuple[SigningKey, ...], *, purpose: str, giver: str, longest: int = MAX_TOKEN_LENGTH
    ) -> None:
        self._secrets = {key.id: key.secret for key in keys}
        if not keys or len(self._secrets) != len(keys):
            raise ValueError("token keys must be at least one, with different ids")
        self._key_id = keys[0].id
        self._purpose = purpose
        # Without configured keys each process makes its own, under one name.
        self._remedy = f"send it exactly as {giver} gave it, to a service with the same `token_keys`"
        self._longest = longest

    def write(self, payload: bytes) -> str:
        """Return a payload signed; it holds no secret, for it can be read."""
        signed = f"{_VERSION}.{self._key_id}.{_encode(payload)}"
        return f"{signed}.{self._signature(signed, self._key_id)}"

    def length(self, payload_bytes: int) -> int:
        """Return how many characters `write` makes of a payload of so many bytes."""
        return len(f"{_VERSION}.{self._key_id}..") + (payload_bytes * 4 + 2) // 3 + 43

    def read(self, text: str) -> bytes:
        """Check a text and return its payload.

        Args:
            text: As it was written.

        Raises:
            InvalidToken: It was not signed here, or was altered.

        """
        parts = _TOKEN.fullmatch(text) if len(text) <= self._longest else None
        if parts is None or parts["key"] not in self._secrets:
            raise invalid(f"is not one that this service signed; {self._remedy}")
        signed = text.rpartition(".")[0]
        if not hmac.compare_digest(self._signature(signed, parts["key"]), parts["signature"]):
            raise invalid(f"was altered, or signed with another key of that name; {self._remedy}")
        payload = parts["payload"]
        try:
            return urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        except ValueError as error:
            raise invalid("is of another version of this service") from error

    def _signature(self, signed: str, key_id: str) -> str:
        return _encode(hmac.digest(self._secrets[key_id], (self._purpose + signed).encode("ascii"), "sha256"))


def invalid(problem: str) -> InvalidToken:
    """Return the error for a resume token.

    Args:
        problem: What is wrong with it, to follow "the resume token".

    """
    return InvalidToken(f"the resume token {problem}", violations=[FieldViolation("resume_token", problem)])


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
