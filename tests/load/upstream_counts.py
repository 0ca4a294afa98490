"""What a static upstream was asked meanwhile, and how it is told to be."""

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.load.processes import Server

_SECONDS = 10
_WRITES = ("single", "collection", "composite", "graph")


@dataclass(frozen=True, slots=True)
class Written:
    """Writes that an upstream answered."""

    calls: Counter[str]
    """HTTP calls by kind."""
    rows_per_call: Counter[int]
    """Calls by the number of rows that each carried."""

    @classmethod
    def at(cls, upstream: Server) -> "Written":
        """Ask for all since the upstream began."""
        counts: dict[str, Any] = json.loads(_asked(upstream, "/counts"))
        calls: Counter[str] = Counter()
        rows_per_call: Counter[int] = Counter()
        for kind in _WRITES:
            for rows, times in counts.get(kind, {}).get("rows_per_call", {}).items():
                calls[kind] += times
                rows_per_call[int(rows)] += times
        return cls(calls, rows_per_call)

    def since(self, earlier: "Written") -> "Written":
        """Return what came between."""
        return Written(self.calls - earlier.calls, self.rows_per_call - earlier.rows_per_call)

    @property
    def rows(self) -> int:
        """Rows of all calls."""
        return sum(rows * times for rows, times in self.rows_per_call.items())

    @property
    def calls_per_thousand(self) -> float:
        """HTTP calls for a thousand rows."""
        return round(1000 * self.calls.total() / max(1, self.rows), 2)

    def summary(self) -> dict[str, Any]:
        """Return the raw figures."""
        return {
            "records": self.rows,
            "calls": dict(self.calls),
            "calls_per_1000": self.calls_per_thousand,
            "rows_per_call": {str(rows): times for rows, times in sorted(self.rows_per_call.items())},
        }


def calls_of(upstream: Server) -> Counter[str]:
    """Return the calls by kind, reads among them, since the upstream began."""
    counts: dict[str, Any] = json.loads(_asked(upstream, "/counts"))
    return Counter({kind: found["calls"] for kind, found in counts.items()})


def set_latency(upstream: Server, milliseconds: float, *, spread: float = 0.0, slots: int = 0) -> None:
    """Let each write, and each read of one record, take so long from now on.

    Args:
        upstream: The upstream.
        milliseconds: How long in the mean.
        spread: By which part of it one may take more or less.
        slots: How many are worked on at a time; 0 for any number.

    """
    _asked(upstream, f"/latency?ms={milliseconds}&spread={spread}&slots={slots}", "POST")


def set_page_latency(upstream: Server, milliseconds: float) -> None:
    """Let each page of a query's result take so long from now on."""
    _asked(upstream, f"/page-latency?ms={milliseconds}", "POST")


def set_outage(upstream: Server, *, is_on: bool) -> None:
    """Let every call to the API fail from now on, or no more."""
    _asked(upstream, f"/outage?on={int(is_on)}", "POST")


def _asked(upstream: Server, path: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(upstream.addresses["url"] + path, method=method)
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        content: bytes = answer.read()
    return content
