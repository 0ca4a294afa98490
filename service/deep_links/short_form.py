"""How a provider's links are shortened: at which API, with which key, and what is taken for a short link of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.deep_links.shorteners.kind import ShortenerKind

_LARGEST_KEY_BYTES = 4096
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class ShortForm:
    """How a provider's links are shortened."""

    provider: str
    """The provider's configured name."""
    kind: ShortenerKind
    account: Mapping[str, str]
    """What the provider must know of the company."""
    hosts: frozenset[str]
    """Hosts that a short link may have."""
    key_file: Path
    """Holds the API's key; read anew for each link, so it may be changed."""
    api: str
    """The API's origin."""
    ca_file: Path | None = None
    """Further certificate authorities to trust, PEM."""
    long_instead: bool = False
    """Whether a caller gets the long link alone where there is no short one; otherwise the call fails."""
    timeout_seconds: float = 5.0
    """Bound on one attempt."""
    max_in_flight: int = 8
    """Most requests that are open at a time; further ones wait, in turns of their callers."""

    def key(self) -> str:
        """Return the key.

        Raises:
            ValueError: The file cannot be read, or holds something else; the text names the file and nothing of it.

        """
        try:
            with self.key_file.open("rb") as file:
                text = file.read(_LARGEST_KEY_BYTES + 1).strip().decode("ascii", "replace")
        except OSError as error:
            raise ValueError(f"key_file {self.key_file} cannot be read: {error.strerror}") from None
        if len(text) > _LARGEST_KEY_BYTES or not _KEY.fullmatch(text):
            raise ValueError(f"key_file {self.key_file} holds no key: one word of ASCII is wanted")
        return text
