"""Logs as JSON lines."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.telemetry import logs


def lines(level: str, *records: tuple[str, str, dict[str, Any]]) -> list[str]:
    """Write records and return what the stream got, by line."""
    stream = io.StringIO(newline="")
    logs.configure(level, stream)
    logger = logs.get_logger("service.test")
    for method, event, fields in records:
        getattr(logger, method)(event, **fields)
    written = stream.getvalue()
    assert not written or written.endswith("\n")
    return written.removesuffix("\n").splitlines() if written else []


def test_a_record_is_one_object():
    """Event, level, time, module and fields stand in one JSON object."""
    [line] = lines("info", ("warning", "call failed", {"org": "prod", "status": 503}))

    record = json.loads(line)
    assert ("call failed", "warning", "service.test") == (record["event"], record["level"], record["module"])
    assert ("prod", 503) == (record["org"], record["status"])
    assert record["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", ["debug", "info", "warning", "error"]), ("warning", ["warning", "error"]), ("error", ["error"])],
)
def test_a_level_keeps_out_what_is_below(level, expected):
    """Records below the configured level are not written."""
    written = lines(level, *((name, "e", {}) for name in ("debug", "info", "warning", "error")))

    assert expected == [json.loads(line)["level"] for line in written]


def test_an_exception_is_told_with_its_traceback():
    """The traceback is one field of the record, line breaks and all."""
    [line] = lines("info", ("error", "unexpected error", {"exc_info": ValueError("two\nlines")}))

    assert "ValueError: two\nlines" in json.loads(line)["exception"]


def test_what_libraries_log_is_told_in_the_same_lines():
    """A library's error is one object with its traceback, written once however often logging is configured."""
    logs.configure("debug", io.StringIO())
    stream = io.StringIO(newline="")
    logs.configure("info", stream)
    library = logging.getLogger("a.library")

    library.info("GET https://host/?q=%s", "secret")
    library.warning("two\n%s", "lines")
    library.error("three", exc_info=ValueError("x"))
    logging.getLogger().handlers[-1].emit(
        logging.LogRecord("a.library", logging.ERROR, "f.py", 1, "not %d", ("a number",), None)
    )

    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert ("two\nlines", "warning", "a.library") == (first["event"], first["level"], first["module"])
    assert ("three", "error", "not %d") == (second["event"], second["level"], third["event"])
    assert "ValueError: x" in second["exception"]


anything = st.text(st.characters(exclude_categories=())) | st.integers() | st.floats() | st.binary() | st.none()


@given(anything, st.dictionaries(st.sampled_from(["org", "level", "a b"]), anything))
def test_whatever_is_logged_is_one_line(event, fields):
    """No line break, control character, broken text or number beyond 64 bits forges, splits or loses a record."""
    written = lines("info", ("error", event, fields))

    assert 1 == len(written)
    assert isinstance(json.loads(written[0]), dict)
    assert all(character >= " " and not "\x7f" <= character <= "\x9f" for character in written[0])


@given(st.dictionaries(st.text(st.characters(exclude_categories=())), anything, max_size=3))
def test_names_of_fields_are_escaped_too(nested):
    """A mapping that came from outside keeps to its line."""
    written = lines("info", ("info", "e", {"nested": nested}))

    assert 1 == len(written)
    assert isinstance(json.loads(written[0]), dict)


def test_a_logger_that_wrote_is_heard_by_the_next_test():
    """A test that configures logging leaves no logger behind that writes past `capture_logs`."""
    logger = logs.get_logger("service.test")
    logs.configure("info", io.StringIO())
    logger.info("kept")
    structlog.reset_defaults()

    with capture_logs() as heard:
        logger.info("heard")

    assert ["heard"] == [line["event"] for line in heard]
