"""The device that follows a link, as far as it is known."""

import re
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

_LEADING_NUMBERS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}")


class Platform(StrEnum):
    """A platform that links open on."""

    UNKNOWN = "unknown"
    IOS = "ios"
    ANDROID = "android"
    WEB = "web"


PHONES = frozenset({Platform.IOS, Platform.ANDROID})
"""Where the company's app may be installed."""


class AppPresence(StrEnum):
    """Whether the company's own app is on the device."""

    UNKNOWN = "unknown"
    INSTALLED = "installed"
    MISSING = "missing"


class Device(Struct, frozen=True, gc=False):
    """The device that followed a link."""

    platform: Platform = Platform.UNKNOWN
    app: AppPresence = AppPresence.UNKNOWN
    app_version: str = ""
    """The app's version; empty where it is not known."""
    locale: str = ""
    """A BCP 47 language tag; empty where it is not known."""

    def has_older_app_than(self, version: tuple[int, ...]) -> bool:
        """Tell whether the app is certainly older; a version that does not begin with numbers tells nothing."""
        found = _LEADING_NUMBERS.match(self.app_version)
        if not version or found is None:
            return False
        return _padded([int(part) for part in found[0].split(".")]) < _padded(version)


def _padded(version: Sequence[int]) -> tuple[int, ...]:
    """Return four numbers, so that 4.2 is 4.2.0.0."""
    return (*version, *(0 for _ in range(4 - len(version))))
