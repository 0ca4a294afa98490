"""Access tokens of one org: opaque, alive while used, revocable."""

import secrets
import string
from dataclasses import dataclass, field

from service.clock import Clock

_ALPHABET = string.ascii_letters + string.digits + "._"
_SECRET_CHARACTERS = 96  # the length of tokens seen from Salesforce


@dataclass(slots=True)
class Session:
    """One logged-in user of one org."""

    token: str = field(repr=False)
    user_id: str
    client_id: str
    """Consumer key of the app that logged in; empty for a SOAP login."""
    opened_at: float
    """Epoch seconds."""
    last_used: float
    """Monotonic seconds."""
    scope: str = "api id"
    """What the token answer said it is for."""
    grant_id: str = ""
    """The approval it was opened with, and ends with; empty when there is none."""


class Sessions:
    """The sessions of one org.

    A session lives until it was idle for `idle_seconds` or is revoked; each use starts the time anew.
    Source: Salesforce help, "Session Settings"; the token shape `00D…!…` is what the token endpoint answers.

    Args:
        org_id: 15 or 18 characters; the first 15 start every token.
        clock: Decides what idle means.
        idle_seconds: Salesforce's default is 7200.

    """

    def __init__(self, org_id: str, *, clock: Clock, idle_seconds: float) -> None:
        self._prefix = f"{org_id[:15]}!"
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._by_token: dict[str, Session] = {}

    @property
    def idle_seconds(self) -> float:
        """How long a session lives without being used."""
        return self._idle_seconds

    def open(self, user_id: str, client_id: str = "", *, scope: str = "api id", grant_id: str = "") -> Session:
        """Log a user in.

        Args:
            user_id: 18-character id of the user.
            client_id: Consumer key of the app; empty when there is none.
            scope: What the session is for, names with blanks between them.
            grant_id: The approval it is opened with; empty when there is none.

        """
        token = self._prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))
        session = Session(token, user_id, client_id, self._clock.now(), self._clock.monotonic(), scope, grant_id)
        self._by_token[token] = session
        return session

    def find(self, token: str) -> Session | None:
        """Return the live session of a token without using it, or None."""
        session = self._by_token.get(token)
        if session is None:
            return None
        if self._clock.monotonic() - session.last_used > self._idle_seconds:
            del self._by_token[token]
            return None
        return session

    def use(self, token: str) -> Session | None:
        """Return the live session of a token and start its idle time anew, or None."""
        session = self.find(token)
        if session is not None:
            session.last_used = self._clock.monotonic()
        return session

    def expires_at(self, session: Session) -> float:
        """Return when the session ends if nobody uses it, in epoch seconds."""
        return self._clock.now() + self._idle_seconds - (self._clock.monotonic() - session.last_used)

    def revoke(self, token: str) -> bool:
        """End a session; tell whether there was one."""
        return self._by_token.pop(token, None) is not None

    def revoke_grant(self, grant_id: str) -> None:
        """End the sessions that were opened with an approval."""
        for token in [token for token, session in self._by_token.items() if session.grant_id == grant_id]:
            del self._by_token[token]

    def revoke_all(self) -> int:
        """End every session and return how many there were."""
        count = len(self._by_token)
        self._by_token.clear()
        return count

    def __len__(self) -> int:
        """Count the sessions that are open now."""
        return sum(self.find(token) is not None for token in list(self._by_token))
