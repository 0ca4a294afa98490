"""Short branded links of Adjust. They live for 120 days.

Source: Adjust, "Deep link generator API" (`POST /engage/deep-links` of automate.adjust.com, the API token as bearer,
the life of short links). Not confirmed by its pages: the names within request and answer, which are those that programs
in public repositories use.
"""

from urllib.parse import quote

from service.deep_links.shorteners.kind import Asked, Order, ShortenerKind


def _ask(order: Order, key: str) -> Asked:
    path = f"{order.path}?action={quote(order.action, safe='')}&link={quote(order.url, safe='')}"
    body = {
        "link_token": order.account["adjust_tracker"],
        "shorten_url": True,
        "ios_deep_link_path": path,
        "android_deep_link_path": path,
        "fallback": order.url,
        "redirect_macos": order.url,
    }
    return Asked("/engage/deep-links", body, {"Authorization": f"Bearer {key}"})


KIND = ShortenerKind(
    title="Adjust",
    api="https://automate.adjust.com",
    host="adjust_host",
    needs=("adjust_tracker",),
    ask=_ask,
    answer="url",
)
