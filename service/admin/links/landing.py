"""Where a browser goes for what a link opens: straight to one target, or to a page that lets a person choose.

No browser tells whether an app is there. An https target always works; an app's own scheme fails with an error where
the app is missing, so nobody is sent there unasked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.admin.links.link_host import LinkHost
from service.deep_links.device import Platform
from service.deep_links.plan import TargetKind
from service.deep_links.resolver import Target

_WORKS_ANYWHERE = "https://"
_APP = frozenset({TargetKind.APP_LINK, TargetKind.APP_SCHEME})
_SALESFORCE = frozenset({TargetKind.SALESFORCE_MOBILE, TargetKind.LIGHTNING})


@dataclass(frozen=True, slots=True)
class Landing:
    """What the browser is answered."""

    redirect: str | None
    """Where to send it; None shows a page."""
    choices: tuple[Target, ...]
    """What the page offers, best first."""


def landing(platform: Platform, targets: Sequence[Target], host: LinkHost, *, is_gone: bool = False) -> Landing:
    """Choose among targets.

    Salesforce's own pages are for people who may log in there: where the company has anything to open, a phone is
    sent to that. Where the app claims addresses of the link host, the device opens the app without asking the host:
    whoever asks has no such app, so what would open it is passed over while there is anything else.

    Args:
        platform: The platform of the browser; a computer gets a page, whose code a phone can follow.
        targets: What the link opens there, best first.
        host: Where links point.
        is_gone: Whether the record is known not to be there: a phone could open no more than the page that says so.

    """
    if is_gone and targets[0].uri.startswith(_WORKS_ANYWHERE):
        return Landing(targets[0].uri, ())
    if platform is Platform.WEB:
        return Landing(None, tuple(targets))
    own = [target for target in targets if target.kind not in _SALESFORCE] or list(targets)
    if platform in host.claimed or any(_is_at(target, host) for target in own):
        own = [target for target in own if target.kind not in _APP] or own
    best = own[0]
    if best.uri.startswith(_WORKS_ANYWHERE):
        return Landing(best.uri, ())
    return Landing(None, tuple(own))


def _is_at(target: Target, host: LinkHost) -> bool:
    return target.kind is TargetKind.APP_LINK and urlsplit(target.uri)[:2] == urlsplit(host.origin)[:2]
