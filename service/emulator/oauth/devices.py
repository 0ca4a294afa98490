"""The device flow: a device asks and waits, its user approves in a browser elsewhere."""

import secrets
from dataclasses import dataclass, field

from service.clock import Clock
from service.emulator.oauth.faults import OAuthFault

LIFE_SECONDS = 600
INTERVAL_SECONDS = 5
"""How long a device has to wait between two questions."""

_MAXIMUM_WAITING = 10_000
_USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"
_USER_CODE_CHARACTERS = 8


@dataclass(slots=True)
class DeviceRequest:
    """A device that waits for its user. Source of the times: Salesforce help, "OAuth 2.0 Device Flow"."""

    org_id: str
    client_id: str
    scope: str
    user_code: str
    device_code: str = field(repr=False)
    expires_at: float
    """Monotonic seconds."""
    polled_at: float | None = None
    user_id: str = ""
    """Who approved; empty while nobody has."""
    denied: bool = False


class Devices:
    """The waiting devices of one emulator.

    Args:
        clock: Ends their waiting.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, DeviceRequest] = {}

    def begin(self, org_id: str, client_id: str, scope: str) -> DeviceRequest:
        """Let a device wait. Of very many the one that waits longest gives way."""
        now = self._clock.monotonic()
        for code, old in list(self._waiting.items()):
            if old.expires_at > now and len(self._waiting) < _MAXIMUM_WAITING:
                break
            del self._waiting[code]
        request = DeviceRequest(
            org_id,
            client_id,
            scope,
            "".join(secrets.choice(_USER_CODE_ALPHABET) for _ in range(_USER_CODE_CHARACTERS)),
            secrets.token_urlsafe(60),
            now + LIFE_SECONDS,
        )
        self._waiting[request.device_code] = request
        return request

    def of_user_code(self, user_code: str) -> DeviceRequest | None:
        """Return the device that shows a code and is still undecided, or None; case and blanks do not matter."""
        wanted = "".join(user_code.upper().split())
        now = self._clock.monotonic()
        return next(
            (
                each
                for each in self._waiting.values()
                if each.user_code == wanted and each.expires_at > now and not each.user_id and not each.denied
            ),
            None,
        )

    def poll(self, device_code: str, client_id: str) -> DeviceRequest:
        """Return the approved request of a device, and forget it.

        Raises:
            OAuthFault: authorization_pending, slow_down before the interval has passed, access_denied, or
                invalid_grant for a code that never was or is too old; the bodies are unverified.

        """
        request = self._waiting.get(device_code)
        now = self._clock.monotonic()
        if request is None or request.client_id != client_id or request.expires_at <= now:
            raise OAuthFault("invalid_grant", "expired device code")
        early = request.polled_at is not None and now - request.polled_at < INTERVAL_SECONDS
        request.polled_at = now
        if early:
            raise OAuthFault("slow_down")
        if request.denied:
            raise OAuthFault("access_denied", "end-user denied authorization")
        if not request.user_id:
            raise OAuthFault("authorization_pending")
        del self._waiting[device_code]
        return request
