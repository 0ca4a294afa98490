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

    Libraries' warnings and errors become such lines too; what they say below that may hold URLs and is not written.

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
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Libraries)]
    root.addHandler(_Libraries(logging.WARNING))


def get_logger(name: str) -> Logger:
    """Return the logger of one module."""
    logger: Logger = structlog.get_logger(module=name)
    return logger


class _Libraries(logging.Handler):
    """Passes on what libraries log, which else stands on standard error as bare text of many lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        logger = get_logger(record.name)
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        try:
            event = record.getMessage()
        except (TypeError, ValueError):
            # The arguments do not fit the text.
            event = str(record.msg)
        write(event, exc_info=record.exc_info)


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """Write one line whatever the fields hold: no line break of theirs can forge a record, no value can lose one."""
    default: Callable[[Any], str] = repr
    try:
        line = orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Half a surrogate pair, or a number beyond 64 bits.
        line = json.dumps({str(name): text if isinstance(text, str) else repr(text) for name, text in event.items()})
    return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
