"""The few small pages that people see: self-contained, without scripts, and kept from search engines.

Whatever stands in them is escaped, and the policy that goes with them lets a browser load nothing and run nothing; the
one style sheet is allowed by its digest.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape

import segno

from service.deep_links.plan import TargetKind
from service.deep_links.resolver import Target

MOST_CODE_CHARACTERS = 600
"""A longer link makes a code that phones hardly read, and that takes long to draw."""

_QR_MASK = 3
"""Any mask can be read; to try all eight takes four times as long."""

_STYLE = """\
:root{color-scheme:light dark}
body{font:1.05rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:24rem;padding:3rem 1.25rem;text-align:center}
h1{font-size:1.4rem;margin:0 0 .75rem}
p{margin:.75rem 0}
svg{background:#fff;border-radius:.75rem;display:block;height:auto;margin:1.5rem auto;padding:.5rem;width:15rem}
a{border:1px solid;border-radius:.6rem;display:block;margin:.75rem 0;padding:.7rem 1rem;text-decoration:none}
"""

_LABELS = {
    TargetKind.APP_LINK: "Open the app",
    TargetKind.APP_SCHEME: "Open the app",
    TargetKind.PROVIDER_LINK: "Open the app",
    TargetKind.STORE: "Get the app",
    TargetKind.SALESFORCE_MOBILE: "Open in the Salesforce app",
    TargetKind.LIGHTNING: "Open in Salesforce",
    TargetKind.WEB: "Open in the browser",
}

POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""The `Content-Security-Policy` of every answer."""


def computer_page(code: str, targets: Sequence[Target]) -> str:
    """Return the page for a computer: a code that a phone's camera follows, and what opens here.

    Args:
        code: What `code_of` drew.
        targets: What opens on a computer, best first.

    """
    told = "<p>Point your phone&#8217;s camera at the code.</p>" if code else "<p>Open this link on your phone.</p>"
    return _page("Open on your phone", f"{told}{code}{_buttons(targets)}")


def choice_page(targets: Sequence[Target]) -> str:
    """Return the page for a phone whose browser would fail where the app is missing: the choice is the person's.

    Args:
        targets: What can be opened, best first.

    """
    return _page("How do you want to go on?", _buttons(targets))


def error_page(title: str, text: str) -> str:
    """Return the page that says what went wrong.

    Args:
        title: What is the matter, in a few words.
        text: What the person can do.

    """
    return _page(title, f"<p>{escape(text)}</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex,nofollow"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )


def _buttons(targets: Sequence[Target]) -> str:
    seen: dict[str, str] = {}
    for target in targets:
        # Two targets of one address need one button, and of two ways into the app the better one is enough.
        if target.uri not in seen and _LABELS[target.kind] not in seen.values():
            seen[target.uri] = _LABELS[target.kind]
    return "".join(f'<a rel="noreferrer" href="{escape(uri)}">{escape(label)}</a>' for uri, label in seen.items())


def code_of(link: str) -> str:
    """Draw a link as a QR code, which takes some milliseconds; empty if it is too long for one.

    Args:
        link: The whole link.

    """
    if len(link) > MOST_CODE_CHARACTERS:
        return ""
    drawn = segno.make(link, error="l", micro=False, boost_error=False, mask=_QR_MASK)
    code: str = drawn.svg_inline(border=4, omitsize=True, svgclass=None, lineclass=None, title="QR code of this link")
    return code
