"""One figure of `bench.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure; the fields are the keys in `bench.json`."""

    name: str
    value: float | None
    """The named figure itself; of two sides the ratio, first over second. None where it cannot be measured."""
    unit: str
    detail: Mapping[str, Any]
    """Each side's raw figures, and under `dominates` what the time went into."""
