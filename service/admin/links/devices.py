"""What the headers of a request tell of the device: its platform, and its person's language.

Whether an app is installed no browser tells. An iPad calls itself a Mac unless its user asks for
mobile sites, and is taken for a computer then (Safari on iPadOS 13 and later).
"""

import re

from service.deep_links.device import Device, Platform

_LONGEST = 512
"""Characters that are looked at; those of browsers are shorter."""

_IOS = re.compile(r"\b(iPhone|iPad|iPod)\b")
_ANDROID = re.compile(r"\bAndroid\b")
_NEITHER = re.compile(r"\bWindows Phone\b|\bIEMobile\b")
"""Calls itself both, to be sent pages for phones."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}(?![A-Za-z0-9-])")
"""A language tag (RFC 9110, section 12.5.4)."""


def device_of(user_agent: str, accept_language: str) -> Device:
    """Return the device of a browser.

    Args:
        user_agent: The header `User-Agent`; empty if there is none.
        accept_language: The header `Accept-Language`; empty if there is none. Its first language counts.

    """
    language = _LANGUAGE.match(accept_language)
    return Device(platform_of(user_agent), locale=language[0] if language else "")


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
