"""Refresh tokens of one org: what a user approved an app for, until somebody takes it back."""

import secrets
from dataclasses import dataclass, field

from service.clock import Clock
from service.emulator.oauth.faults import OAuthFault
from service.emulator.sessions import Sessions

MAXIMUM_APPROVALS = 5
"""Approvals of one user for one app; the next takes the oldest back. Source: Salesforce help, "Manage OAuth Access
Policies"."""

_REMEMBERED = 10_000


@dataclass(slots=True)
class Grant:
    """One approval: the refresh token that stands for it now, and the sessions opened with it."""

    id: str
    user_id: str
    client_id: str
    scope: str
    approved_at: float
    """Epoch seconds."""
    token: str = field(repr=False)


class Grants:
    """The approvals of one org.

    Args:
        sessions: Where the sessions of an approval end when it does.
        clock: Dates approvals.

    """

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._by_token: dict[str, Grant] = {}
        self._retired: dict[str, Grant] = {}

    def approve(self, user_id: str, client_id: str, scope: str) -> Grant:
        """Keep an approval and make its refresh token.

        Args:
            user_id: Who approved, 18 characters.
            client_id: The app's consumer key.
            scope: What for.

        """
        grant = Grant(secrets.token_hex(16), user_id, client_id, scope, self._clock.now(), _new_token())
        mine = [each for each in self._by_token.values() if (each.user_id, each.client_id) == (user_id, client_id)]
        for oldest in mine[: max(0, len(mine) - MAXIMUM_APPROVALS + 1)]:
            self._end(oldest)
        self._by_token[grant.token] = grant
        return grant

    def find(self, token: str) -> Grant | None:
        """Return the approval a refresh token stands for now, or None."""
        return self._by_token.get(token)

    def redeem(self, token: str, client_id: str, *, rotate: bool) -> Grant:
        """Use a refresh token once.

        Args:
            token: The refresh token.
            client_id: Who uses it.
            rotate: Whether the approval gets a new token. Using the old one again then takes the approval back with
                all its sessions. Source: Salesforce help, "Refresh Token Rotation".

        Raises:
            OAuthFault: The token stands for nothing, or for another app.

        """
        grant = self._by_token.get(token)
        if grant is None or grant.client_id != client_id:
            stolen = self._retired.get(token)
            if stolen is not None and stolen.client_id == client_id:
                self._end(stolen)
            raise OAuthFault("invalid_grant", "expired access/refresh token")
        if rotate:
            del self._by_token[token]
            self._retire(grant)
            grant.token = _new_token()
            self._by_token[grant.token] = grant
        return grant

    def revoke(self, token: str) -> bool:
        """Take the approval of a refresh token back, and end its sessions; tell whether there was one."""
        grant = self._by_token.get(token)
        if grant is not None:
            self._end(grant)
        return grant is not None

    def __len__(self) -> int:
        """Count the approvals that stand."""
        return len(self._by_token)

    def _retire(self, grant: Grant) -> None:
        self._retired[grant.token] = grant
        if len(self._retired) > _REMEMBERED:
            del self._retired[next(iter(self._retired))]

    def _end(self, grant: Grant) -> None:
        self._by_token.pop(grant.token, None)
        self._sessions.revoke_grant(grant.id)


def _new_token() -> str:
    # As long as Salesforce's, and starting as they do.
    return "5Aep861" + secrets.token_urlsafe(60).replace("-", ".")
