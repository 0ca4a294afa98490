"""How long a query may run."""

import sqlite3

import pytest

from service.emulator.engine.effort import bounded
from service.emulator.faults import SalesforceFault

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT max(i) FROM n"


def test_a_statement_that_runs_too_long_is_stopped() -> None:
    """Beyond the bound the answer is Salesforce's time-out, and the connection serves on."""
    connection = sqlite3.connect(":memory:")

    with pytest.raises(SalesforceFault, match="running for too long") as caught, bounded(connection, 2_000_000):
        connection.execute(COUNTING).fetchall()

    assert caught.value.error_code == "QUERY_TIMEOUT"
    assert connection.execute(COUNTING).fetchall() == [(1_000_000,)]
    connection.close()


def test_what_the_database_refuses_is_too_complicated() -> None:
    """A statement beyond SQLite's own bounds is a documented refusal."""
    connection = sqlite3.connect(":memory:")

    with pytest.raises(SalesforceFault) as caught, bounded(connection):
        connection.execute(f"SELECT {'(' * 500}1{')' * 500}")

    assert caught.value.error_code == "QUERY_TOO_COMPLICATED"
    connection.close()
