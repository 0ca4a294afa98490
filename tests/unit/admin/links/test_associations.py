"""The files that tell iOS and Android which apps may open links."""

import json

import pytest
from pydantic import ValidationError

from service.admin.links.associations import ANDROID_PATH, APPLE_PATH, MAX_BYTES, associations, claimed_on
from service.deep_links.device import Platform
from service.settings import LinkServerSettings

APP = "ABCDE12345.com.acme.app"
PACKAGE = "com.acme.app"
FINGERPRINT = ":".join(["14", "6D", "E9", "AB"] * 8)


def documents(**settings) -> dict[str, object]:
    """Return the files by path."""
    files = associations(LinkServerSettings(**settings))
    return {file.path: json.loads(file.body) for file in files}


def test_without_apps_there_are_no_files():
    """A host that no app may open says nothing."""
    assert {} == documents()


def test_an_apple_app_opens_its_paths():
    """Paths that are excepted come first, because the first that matches decides."""
    app = {"paths": ["/l", "/r/*"], "except_paths": ["/r/help/*"]}

    found = documents(apple_apps={APP: app})

    components = [{"/": "/r/help/*", "exclude": True}, {"/": "/l"}, {"/": "/r/*"}]
    assert {APPLE_PATH: {"applinks": {"details": [{"appIDs": [APP], "components": components}]}}} == found


def test_links_open_an_apple_app_by_default():
    """Who names the app alone means the links that this service makes."""
    found = documents(apple_apps={APP: {}})

    assert {"applinks": {"details": [{"appIDs": [APP], "components": [{"/": "/l"}]}]}} == found[APPLE_PATH]


def test_app_clips_and_passwords():
    """They have lists of their own; an app is in one only if it is said."""
    found = documents(apple_apps={APP: {"web_credentials": True}, f"{APP}2": {}}, app_clips=[f"{APP}.Clip"])

    document = found[APPLE_PATH]
    assert isinstance(document, dict)
    assert ({"apps": [APP]}, {"apps": [f"{APP}.Clip"]}) == (document["webcredentials"], document["appclips"])


def test_an_android_app_handles_every_address():
    """Which paths it takes, its own manifest says."""
    found = documents(android_apps={PACKAGE: {"fingerprints": [FINGERPRINT]}})

    target = {"namespace": "android_app", "package_name": PACKAGE, "sha256_cert_fingerprints": [FINGERPRINT]}
    assert {ANDROID_PATH: [{"relation": ["delegate_permission/common.handle_all_urls"], "target": target}]} == found


def test_the_tag_follows_the_content():
    """The same settings give the same tag on every replica, others another."""
    first, again, other = (
        associations(LinkServerSettings(apple_apps={APP: {"paths": paths}}))[0].etag
        for paths in (["/l"], ["/l"], ["/l", "/r/*"])
    )

    assert first == again
    assert first != other


def test_a_file_that_devices_would_not_read():
    """Apple reads 128 KB; more is refused before it is served."""
    paths = [f"/{number:0>200}" for number in range(MAX_BYTES // 200)]

    with pytest.raises(ValueError, match="apple_apps and app_clips say makes a file of 1"):
        associations(LinkServerSettings(apple_apps={APP: {"paths": paths}}))


@pytest.mark.parametrize(
    ("settings", "platforms"),
    [
        ({}, set()),
        ({"apple_apps": {APP: {}}}, {Platform.IOS}),
        ({"apple_apps": {APP: {"paths": ["/r/*", "/?"]}}}, {Platform.IOS}),
        ({"apple_apps": {APP: {"paths": ["/*"]}}}, {Platform.IOS}),
        ({"apple_apps": {APP: {"paths": ["/r/*", "/l/*", "/L"]}}}, set()),
        ({"apple_apps": {APP: {"paths": ["/*"], "except_paths": ["/l*"]}}}, set()),
        ({"android_apps": {PACKAGE: {"fingerprints": [FINGERPRINT]}}}, {Platform.ANDROID}),
    ],
)
def test_where_apps_open_links_themselves(settings, platforms):
    """An iOS app does if its paths name that of links, an Android app that the host names at all."""
    assert platforms == claimed_on(LinkServerSettings(**settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"apple_apps": {"com.acme.app": {}}},
        {"apple_apps": {APP: {"paths": ["l"]}}},
        {"apple_apps": {APP: {"paths": []}}},
        {"apple_apps": {APP: {"paths": ['/l"']}}},
        {"app_clips": ["Clip"]},
        {"android_apps": {"acme": {"fingerprints": [FINGERPRINT]}}},
        {"android_apps": {PACKAGE: {"fingerprints": []}}},
        {"android_apps": {PACKAGE: {"fingerprints": [FINGERPRINT.lower()]}}},
        {"android_apps": {PACKAGE: {"fingerprints": [FINGERPRINT[3:]]}}},
    ],
)
def test_apps_that_cannot_be(settings):
    """What no store would give an app is refused at start."""
    with pytest.raises(ValidationError):
        LinkServerSettings(**settings)
