"""The formats of bulk data."""

from enum import Enum


class Format(Enum):
    """How the caller writes bulk data."""

    CSV = "csv"
    JSON_LINES = "json_lines"
    BATCHES = "batches"
