"""Keys that sign what the service gives out and takes back."""

import re
from dataclasses import dataclass, field

MIN_SECRET_BYTES = 32

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs and verifies: resume tokens, deep links.

    Raises:
        ValueError: The id has other characters, or the secret is shorter than 32 bytes.

    """

    id: str
    """Travels in whatever is signed, so that keys can be changed while what an old one signed lives on."""
    secret: bytes = field(repr=False)
    """At least 32 random bytes."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("the id of a signing key must be 1 to 32 letters, digits, '-' or '_'")
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret of signing key {self.id} must have at least {MIN_SECRET_BYTES} bytes")
