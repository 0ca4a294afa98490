"""HTML forms and their answers, as the OAuth resources take and give them."""

from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

from service.emulator.exchange import Answer, Call
from service.emulator.oauth.faults import OAuthFault

_UNCACHED = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"}


async def form_of(call: Call) -> dict[str, str]:
    """Return the fields of a posted form; those of the query string count where the body has none."""
    content = await call.body.read()
    sent = parse_qsl(content.decode("utf-8", errors="replace"), keep_blank_values=True)
    return {**dict(call.query), **dict(sent)}


def answered(body: dict[str, object], wanted: str, *, status: int = 200) -> Answer:
    """Return an answer in the format a form asked for.

    Args:
        body: Names and values.
        wanted: `json`, `urlencoded` or `xml`; anything else counts as JSON. Source: Salesforce help, "OAuth 2.0
            Refresh Token Flow".
        status: HTTP status.

    """
    if wanted == "urlencoded":
        return Answer.text(urlencode(body), "application/x-www-form-urlencoded", status=status, headers=_UNCACHED)
    if wanted == "xml":
        fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in body.items())
        content = f'<?xml version="1.0" encoding="UTF-8"?><OAuth>{fields}</OAuth>'
        return Answer.text(content, "application/xml;charset=UTF-8", status=status, headers=_UNCACHED)
    return Answer(status, body, _UNCACHED)


def refused(fault: OAuthFault, wanted: str = "json") -> Answer:
    """Return a refusal in the format a form asked for."""
    return answered(fault.body(), wanted, status=fault.status)


def refused_as_text(fault: OAuthFault) -> Answer:
    """Return a refusal for the eyes of a user whose browser cannot be sent back to the app."""
    text = "&".join(f"{name}={quote(str(value))}" for name, value in fault.body().items())
    return Answer.text(text, "text/plain;charset=UTF-8", status=fault.status, headers=_UNCACHED)


def redirected(uri: str, parameters: dict[str, object]) -> Answer:
    """Send a browser back to the app.

    Args:
        uri: A registered callback URL.
        parameters: What it is told; empty values are left out.

    """
    told = urlencode({name: value for name, value in parameters.items() if value})
    return Answer.nothing(302, {**_UNCACHED, "Location": f"{uri}{'&' if '?' in uri else '?'}{told}"})
