"""What mail senders, networks and advertisers append to every link that they show, so as to know its clicks again.

Without it a link would open nothing from where most people tap on it. It says nothing of the record, is behind what is
signed and goes nowhere: a link is read as it was before.
"""

CLICK_IDS = frozenset(
    {
        "_ga",
        "_gl",
        "dclid",
        "fbclid",
        "gad_source",
        "gbraid",
        "gclid",
        "igshid",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "msclkid",
        "srsltid",
        "ttclid",
        "twclid",
        "wbraid",
        "yclid",
    }
)
"""Names of parameters. None of them is one of a link's."""
_MOST = 8


def without_click_ids(link: str) -> str:
    """Return a link, or its parameters, without the click ids at its end, eight at most. Nothing else is touched."""
    for _ in range(_MOST):
        before, _, pair = link.rpartition("&")
        if pair.partition("=")[0] not in CLICK_IDS:
            break
        link = before
    return link
