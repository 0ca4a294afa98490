"""The two pages people see: one asks them to approve an app, the other to connect a device.

They load nothing, run no script and cannot be framed.
"""

from xml.sax.saxutils import escape, quoteattr

from service.emulator.exchange import Answer

_HEADERS = {
    "Cache-Control": "no-cache, no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STYLE = (
    "body{font:16px sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}"
    "label,input{display:block;width:100%;box-sizing:border-box}input{margin:.25rem 0 1rem;padding:.5rem}"
    "button{padding:.5rem 1.5rem;margin-right:.5rem}.wrong{color:#b00020}"
)


def page(title: str, content: str, *, status: int = 200, cookie: str = "") -> Answer:
    """Return a page.

    Args:
        title: Plain text.
        content: HTML.
        status: HTTP status.
        cookie: Value of a `Set-Cookie` header; empty for none.

    """
    html = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{content}</body></html>"
    )
    headers = _HEADERS | ({"Set-Cookie": cookie} if cookie else {})
    return Answer.text(html, "text/html;charset=UTF-8", status=status, headers=headers)


def form(action: str, sealed: str, fields: str, *, wrong: str = "") -> str:
    """Return a form with an Allow and a Deny button.

    Args:
        action: Where it is posted.
        sealed: What it carries unseen.
        fields: Its inputs, as `field` makes them.
        wrong: What was wrong with the last attempt, plain text.

    """
    complaint = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return (
        f'{complaint}<form method="post" action={quoteattr(action)}>'
        f'<input type="hidden" name="request" value={quoteattr(sealed)}>{fields}'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" formnovalidate>Deny</button></form>'
    )


def field(name: str, label: str, *, value: str = "", secret: bool = False) -> str:
    """Return a labelled input that has to be filled in."""
    kind = "password" if secret else "text"
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value={quoteattr(value)} autocomplete="off" required>'
    )


def scopes(scope: str) -> str:
    """Return the list of what is asked for."""
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in scope.split()) + "</ul>"


def login(username: str = "") -> str:
    """Return the inputs that say who somebody is."""
    return field("username", "Username", value=username) + field("password", "Password", secret=True)
