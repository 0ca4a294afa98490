"""The hidden part of a consent page: what was asked for, sealed for the one browser that was shown it."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

from service.clock import Clock

LIFE_SECONDS = 600


class ConsentForms:
    """Seals and opens requests. Nothing is kept for a page that was shown, so showing pages costs no memory.

    Args:
        clock: Ends seals.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def seal(self, request: Mapping[str, str], browser: str) -> str:
        """Return a request as text that only `open` reads.

        Args:
            request: What was asked for.
            browser: The secret in the cookie of the browser the page is for; a page of another site cannot send it.

        """
        fields = {"request": dict(request), "until": self._clock.now() + LIFE_SECONDS}
        content = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()
        return f"{content}.{self._signature(content, browser)}"

    def open(self, sealed: str, browser: str) -> dict[str, str] | None:
        """Return what `seal` was given, or None: changed, too old, or from another browser."""
        content, _, signature = sealed.partition(".")
        if not hmac.compare_digest(_bytes(signature), _bytes(self._signature(content, browser))):
            return None
        fields = json.loads(base64.urlsafe_b64decode(content))
        request: dict[str, str] = fields["request"]
        return request if fields["until"] > self._clock.now() else None

    def _signature(self, content: str, browser: str) -> str:
        return hmac.new(self._key, _bytes(f"{browser}.{content}"), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    """Return any text as bytes: a browser may send halves of characters, which UTF-8 has no place for."""
    return text.encode("utf-8", "surrogatepass")
