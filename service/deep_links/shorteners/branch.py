"""Short links of Branch. They live for 380 days from their last use.

Source: Branch, "Deep Linking API", "Create a Deep Link URL" (`POST /v1/url` with `branch_key`; `$fallback_url` is where
all platforms go without the app) and "Link expiration".
"""

from service.deep_links.shorteners.kind import Asked, Order, ShortenerKind

_CAMPAIGN = {"utm_source": "channel", "utm_medium": "feature", "utm_campaign": "campaign"}


def _ask(order: Order, key: str) -> Asked:
    data = {
        "$deeplink_path": order.path,
        "$fallback_url": order.url,
        "$desktop_url": order.url,
        "action": order.action,
        "link": order.url,
    }
    return Asked("/v1/url", {"branch_key": key, **order.told(_CAMPAIGN), "data": data})


KIND = ShortenerKind(title="Branch", api="https://api2.branch.io", host="branch_host", needs=(), ask=_ask, answer="url")
