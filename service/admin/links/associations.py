"""The two files by which iOS and Android find out which apps may open the links of a host.

Sources: Apple's `apple-app-site-association` (JSON at `/.well-known/`, no redirect, at most 128 KB, fetched by Apple's
own servers); Google's Digital Asset Links, `assetlinks.json`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import orjson

from service.admin.links.link_host import LINK_PATH
from service.deep_links.device import Platform
from service.settings import AndroidAppSettings, AppleAppSettings, LinkServerSettings

MAX_BYTES = 128 * 1024
"""Apple reads no more."""

APPLE_PATH = "/.well-known/apple-app-site-association"
ANDROID_PATH = "/.well-known/assetlinks.json"

_OPENS_LINKS = "delegate_permission/common.handle_all_urls"
_SHARES_PASSWORDS = "delegate_permission/common.get_login_creds"


@dataclass(frozen=True, slots=True)
class Association:
    """One of the files, made once: what it says changes with the settings only."""

    path: str
    body: bytes
    etag: str
    """Its entity tag, without quotes."""


def associations(settings: LinkServerSettings) -> tuple[Association, ...]:
    """Return the files that the settings name apps for; none for a platform without an app.

    Args:
        settings: The apps.

    Raises:
        ValueError: A file would be longer than devices read; the text names the setting.

    """
    files = []
    if settings.apple_apps or settings.app_clips:
        files.append(_association(APPLE_PATH, _apple(settings), "what apple_apps and app_clips say"))
    if settings.android_apps:
        files.append(_association(ANDROID_PATH, list(_android(settings.android_apps)), "what android_apps says"))
    return tuple(files)


def claimed_on(settings: LinkServerSettings) -> frozenset[Platform]:
    """Return the platforms whose apps open links without asking the link host: whoever asks there has no app.

    Args:
        settings: The apps.

    """
    claimed = {Platform.ANDROID} if settings.android_apps else set()
    if any(_names_links(app.paths) and not _names_links(app.except_paths) for app in settings.apple_apps.values()):
        claimed.add(Platform.IOS)
    return frozenset(claimed)


def _names_links(patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(LINK_PATH, pattern) for pattern in patterns)


def _association(path: str, document: Any, subject: str) -> Association:
    body = orjson.dumps(document)
    if len(body) > MAX_BYTES:
        raise ValueError(f"{subject} makes a file of {len(body):,} bytes; devices read {MAX_BYTES:,}")
    return Association(path, body, hashlib.sha256(body).hexdigest()[:32])


def _apple(settings: LinkServerSettings) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if settings.apple_apps:
        details = [{"appIDs": [app], "components": _components(each)} for app, each in settings.apple_apps.items()]
        document["applinks"] = {"details": details}
    sharing = [app for app, each in settings.apple_apps.items() if each.web_credentials]
    if sharing:
        document["webcredentials"] = {"apps": sharing}
    if settings.app_clips:
        document["appclips"] = {"apps": list(settings.app_clips)}
    return document


def _components(app: AppleAppSettings) -> list[dict[str, Any]]:
    # The first that matches decides.
    return [{"/": path, "exclude": True} for path in app.except_paths] + [{"/": path} for path in app.paths]


def _android(apps: Mapping[str, AndroidAppSettings]) -> Iterator[dict[str, Any]]:
    for package, app in apps.items():
        yield {
            "relation": [_OPENS_LINKS, *([_SHARES_PASSWORDS] if app.web_credentials else [])],
            "target": {
                "namespace": "android_app",
                "package_name": package,
                "sha256_cert_fingerprints": list(app.fingerprints),
            },
        }
