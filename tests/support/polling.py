"""Polls of jobs that are over at once."""

import pytest

from service.bulk import patience
from service.query import bulk_job


def poll_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a service in this process ask for the state of jobs sooner than one would ask Salesforce.

    After an outage too: it tells callers to wait for five seconds.
    """
    for polling in (bulk_job, patience):
        monkeypatch.setattr(polling, "FIRST_POLL_SECONDS", 0.02)
    delay = patience.Delays.next
    monkeypatch.setattr(patience.Delays, "next", lambda delays, _error=None: delay(delays))
