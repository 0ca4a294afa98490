"""The host that links point at."""

from dataclasses import dataclass

from service.deep_links.device import Platform

LINK_PATH = "/l"


@dataclass(frozen=True, slots=True)
class LinkHost:
    """The host that links point at."""

    origin: str
    """`https://links.example.com`."""
    claimed: frozenset[Platform] = frozenset()
    """Platforms whose apps open links without asking the host: who asks has no app, or a browser that ignores it."""

    def link_of(self, query: str) -> str:
        """Return the whole link of what stands behind `/l?`."""
        return f"{self.origin}{LINK_PATH}?{query}"
