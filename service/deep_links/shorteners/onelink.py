"""Short links of AppsFlyer OneLink, by version 2 of its API: version 1 ended on 2026-06-01.

Source: AppsFlyer, "OneLink API v2.0" and "Migrate to OneLink API v2.0" (`POST /api/v2.0/shortlinks/{onelink-id}`, the
token in the header, a life of at most 730 days that each use renews, queries within parameters encoded, the answer's
`shortlink_url`). Not confirmed with the service itself: that `Authorization` holds the token alone, without a scheme.
"""

from urllib.parse import quote

from service.deep_links.shorteners.kind import Asked, Order, ShortenerKind

_PATH = "/api/v2.0/shortlinks"
_CAMPAIGN = {"utm_campaign": "c", "utm_source": "af_channel"}
_DAY = 86_400
_MINUTE = 60
_LONGEST_DAYS = 730


def _ask(order: Order, key: str) -> Asked:
    address, mark, query = order.url.partition("?")
    # A query within a parameter would otherwise become parameters of the short link.
    url = address + quote(mark + query, safe="")
    data = {
        "pid": order.account["onelink_media_source"],
        **order.told(_CAMPAIGN),
        "deep_link_value": order.path,
        "deep_link_sub1": order.action,
        "deep_link_sub3": url,
        "af_ios_url": url,
        "af_android_url": url,
        "af_web_dp": url,
    }
    path = f"{_PATH}/{quote(order.account['onelink_template'], safe='')}"
    body = {"ttl": _ttl(order.lives_seconds), "data": data}
    return Asked(path, body, {"Authorization": key}, template=f"{_PATH}/{{onelink_template}}")


def _ttl(seconds: int) -> str:
    """Write a time as the API reads it, no shorter than it is."""
    if seconds < _DAY:
        return f"{-(-seconds // _MINUTE)}m"
    return f"{min(_LONGEST_DAYS, -(-seconds // _DAY))}d"


KIND = ShortenerKind(
    title="AppsFlyer OneLink",
    api="https://onelink.appsflyer.com",
    host="onelink_host",
    needs=("onelink_template", "onelink_media_source"),
    ask=_ask,
    answer="shortlink_url",
)
