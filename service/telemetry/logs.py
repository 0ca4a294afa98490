"""JSON lines on standard error, one a record, with the request they belong to."""

import json
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import orjson
import structlog

_BREAKS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What JSON lets pass and some readers take for the end of a line or for a terminal's command."""

Logger = structlog.typing.FilteringBoundLogger


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Send every record at or above a level to a stream as one JSON object a line.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        stream: Where the lines go.

    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> Logger:
    """Return the logger of one module."""
    logger: Logger = structlog.get_logger(module=name)
    return logger


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """Write one line whatever the fields hold: no line break of theirs can forge a record, no value can lose one."""
    default: Callable[[Any], str] = repr
    try:
        line = orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Half a surrogate pair, or a number beyond 64 bits.
        line = json.dumps({str(name): text if isinstance(text, str) else repr(text) for name, text in event.items()})
    return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
