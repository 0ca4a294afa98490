"""How many HTTP requests came for each resource, whatever became of them."""

from collections import Counter
from collections.abc import Sequence

from service.emulator.exchange import Call, OrgCall
from service.emulator.routing import Router

_DATA = ("services", "data")
_VERSION = 3
"""Segments up to and with the API version."""


class CallCounts:
    """The counts of one emulator. Requests inside a composite call are no requests of their own.

    Args:
        open_routes: Resources that need no session.
        org_routes: Resources below `/services/data/vXX.X/`.

    """

    def __init__(self, open_routes: Router[Call], org_routes: Router[OrgCall]) -> None:
        self._open_routes = open_routes
        self._org_routes = org_routes
        self._counted: Counter[tuple[str, str]] = Counter()

    def note(self, org_id: str, method: str, segments: Sequence[str]) -> None:
        """Count a request.

        Args:
            org_id: Of the org whose token it carries; empty for none.
            method: The HTTP method.
            segments: Its decoded path.

        """
        self._counted[org_id, f"{method} {self._resource(segments)}"] += 1

    def by_resource(self, org_id: str | None = None) -> dict[str, int]:
        """Return how many requests came, by method and resource: `PATCH composite/sobjects/{sobject}/{field}`.

        Args:
            org_id: Of the only org that counts, 18 characters; None for all requests, those without an org too.

        """
        counted: Counter[str] = Counter()
        for (org, resource), calls in self._counted.items():
            if org_id in {None, org}:
                counted[resource] += calls
        return dict(sorted(counted.items()))

    def forget(self) -> None:
        """Count from nothing again."""
        self._counted.clear()

    def _resource(self, segments: Sequence[str]) -> str:
        if tuple(segments[: len(_DATA)]) == _DATA:
            if len(segments) <= _VERSION:
                return "services/data/{version}" if len(segments) == _VERSION else "services/data"
            return self._org_routes.pattern(segments[_VERSION:]) or "unknown"
        if tuple(segments[:2]) == ("services", "apexrest"):
            return "services/apexrest"
        return self._open_routes.pattern(segments) or "unknown"
