"""What the `User-Agent` of a request tells of the device.

Only the platform: whether an app is installed no browser tells. An iPad calls itself a Mac unless its user asks for
mobile sites, and is taken for a computer then (Safari on iPadOS 13 and later).
"""

import re

from service.deep_links.device import Platform

_LONGEST = 512
"""Characters that are looked at; those of browsers are shorter."""

_IOS = re.compile(r"\b(iPhone|iPad|iPod)\b")
_ANDROID = re.compile(r"\bAndroid\b")
_NEITHER = re.compile(r"\bWindows Phone\b|\bIEMobile\b")
"""Calls itself both, to be sent pages for phones."""


def platform_of(user_agent: str) -> Platform:
    """Return the platform of a browser; WEB for whatever is no phone or tablet, programs among them.

    Args:
        user_agent: The header's value; empty if there is none.

    """
    told = user_agent[:_LONGEST]
    if _NEITHER.search(told):
        return Platform.WEB
    if _IOS.search(told):
        return Platform.IOS
    return Platform.ANDROID if _ANDROID.search(told) else Platform.WEB
