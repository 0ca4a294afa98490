"""Answers that no documented answer looks like are refused where they are read."""

from collections.abc import Callable
from typing import Any

import pytest

from service.errors import UpstreamProtocolError
from service.salesforce.calls import bulk_ingest, describe, limits, query, records
from service.salesforce.transport.base import Response

Read = Callable[[Response], Any]


def read_page(response: Response) -> Any:
    """Read a page of rows that may hold anything."""
    return query.parse_following(response, query.decoder(dict[str, Any]), org="prod")


def read_lookup(response: Response) -> Any:
    """Read a record's id."""
    return records.looked_up(response, org="prod", sobject="Lead", field="Ext__c")


def read_job(response: Response) -> Any:
    """Read a bulk job."""
    return bulk_ingest.job(response, org="prod")


def read_limits(response: Response) -> Any:
    """Read the limits."""
    return limits.parse(response, org="prod")


def read_description(response: Response) -> Any:
    """Read a description."""
    return describe.parse(response, org="prod", sobject="Lead")


READERS: list[Read] = [read_page, read_lookup, read_job, read_limits, read_description]
NESTED = b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [b"", b"<html>", b"null", b"[]", b'"\xff"', b'{"id": 1, "name": 1}', NESTED])
def test_junk_is_a_protocol_error(read, content):
    """Another type, another encoding, nesting without end: none of it escapes as an exception of the decoder."""
    if read is read_limits and content == NESTED:
        content = content.replace(b"x", b"DailyApiRequests")

    with pytest.raises(UpstreamProtocolError):
        read(Response(200, {}, content))


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_page, b'{"totalSize": 3000000000, "done": true, "records": []}'),
        (read_page, b'{"totalSize": 1, "done": true, "records": [{"Name": "\xff"}]}'),
        (read_page, b'{"totalSize": 2, "done": false, "records": [{}]}'),
        (read_lookup, b'{"Id": "00Q000000000001AAA\\n"}'),
        (read_lookup, b'{"Id": "//evil.example/0000"}'),
        (read_job, b'{"id": "../query?q=SELECT", "state": "Open"}'),
        (read_job, b'{"id": "750000000000001AAA", "state": "Open", "numberRecordsFailed": 10000000000}'),
        (read_limits, b'{"DailyApiRequests": {"Max": 9223372036854775808, "Remaining": 1}}'),
    ],
)
def test_what_would_break_further_on_is_refused(read, content):
    """Numbers too large for the contract, ids that would lead elsewhere, a result cut short."""
    with pytest.raises(UpstreamProtocolError):
        read(Response(200, {}, content))
