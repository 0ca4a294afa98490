"""The users of one org: rows of its User object, and the passwords that no row holds."""

import hmac
from dataclasses import dataclass

from service.emulator.faults import SalesforceFault
from service.emulator.org import Org

_FIELDS = (
    "Id",
    "Username",
    "Name",
    "FirstName",
    "LastName",
    "ProfileId",
    "Email",
    "IsActive",
    "TimeZoneSidKey",
    "LocaleSidKey",
    "LanguageLocaleKey",
    "LastModifiedDate",
)


@dataclass(frozen=True, slots=True)
class User:
    """What logging in and the identity resources need of a user."""

    id: str
    """18 characters."""
    username: str
    name: str
    first_name: str
    """Empty when there is none."""
    last_name: str
    profile_id: str
    email: str
    active: bool
    time_zone: str
    locale: str
    language: str
    updated_at: str
    """As datetime fields are written."""


class Users:
    """Finds users and checks passwords.

    Args:
        org: Where the User rows are.

    """

    def __init__(self, org: Org) -> None:
        self._org = org
        self._passwords: dict[str, tuple[str, str]] = {}

    def by_id(self, user_id: str) -> User | None:
        """Return the user of an 18-character id, or None."""
        return self._get(user_id)

    def by_username(self, username: str) -> User | None:
        """Return the user of that name, whatever its case, or None."""
        try:
            return self._get(self._org.find("User", "Username", username))
        except SalesforceFault:
            return None

    def set_password(self, username: str, password: str, security_token: str = "") -> None:
        """Give a user a password; the token may follow it when the user logs in."""
        self._passwords[username.lower()] = (password, security_token)

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the active user whose password, with or without the security token, that is; None for a wrong one."""
        expected, token = self._passwords.get(username.lower(), ("", ""))
        given = password.encode()
        right = hmac.compare_digest(given, expected.encode()) | hmac.compare_digest(given, (expected + token).encode())
        user = self.by_username(username) if expected and right else None
        return user if user and user.active else None

    def _get(self, user_id: str) -> User | None:
        try:
            return _user(self._org.get("User", user_id, _FIELDS))
        except SalesforceFault:
            return None


def _user(row: dict[str, object]) -> User:
    return User(
        id=str(row["Id"]),
        username=str(row["Username"]),
        name=str(row["Name"] or ""),
        first_name=str(row["FirstName"] or ""),
        last_name=str(row["LastName"] or ""),
        profile_id=str(row["ProfileId"] or ""),
        email=str(row["Email"] or ""),
        active=row["IsActive"] is True,
        time_zone=str(row["TimeZoneSidKey"]),
        locale=str(row["LocaleSidKey"]),
        language=str(row["LanguageLocaleKey"]),
        updated_at=str(row["LastModifiedDate"]),
    )
