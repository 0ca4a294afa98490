"""The kinds of short links that the service knows, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from service.deep_links.shorteners import adjust, branch, onelink
from service.deep_links.shorteners.kind import ShortenerKind

SHORTENERS: Mapping[str, ShortenerKind] = MappingProxyType(
    {"adjust": adjust.KIND, "branch": branch.KIND, "onelink": onelink.KIND}
)
"""Every kind by its name, which is that of the kind of provider whose links it shortens."""
