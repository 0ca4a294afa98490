"""A connection that a thread borrows."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from service.emulator.lending import LendableConnection


@pytest.fixture
def connection() -> Iterator[LendableConnection]:
    """A connection with an empty table `t`."""
    made = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=LendableConnection)
    made.execute("CREATE TABLE t (i)")
    yield made
    made.close()


def count(connection: LendableConnection) -> int:
    return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


async def test_the_owner_waits_for_the_borrower(connection: LendableConnection) -> None:
    """What the owner writes while the connection is lent is written after the borrower has read."""
    started, go_on = threading.Event(), threading.Event()

    def read() -> int:
        started.set()
        go_on.wait(60)
        return count(connection)

    reading = asyncio.create_task(connection.lend(read))
    assert await asyncio.to_thread(started.wait, 60)
    threading.Timer(0.05, go_on.set).start()
    connection.execute("INSERT INTO t VALUES (1)")

    assert await reading == 0
    assert count(connection) == 1


async def test_a_cancelled_borrower_gives_the_connection_back(connection: LendableConnection) -> None:
    """Cancelling the wait leaves the work to end by itself, and the owner goes on after it."""
    started, go_on = threading.Event(), threading.Event()

    def read() -> int:
        started.set()
        go_on.wait(60)
        return count(connection)

    reading = asyncio.create_task(connection.lend(read))
    assert await asyncio.to_thread(started.wait, 60)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    go_on.set()

    assert count(connection) == 0


async def test_a_fault_of_the_borrower_is_the_callers(connection: LendableConnection) -> None:
    """What the work raises is raised where it was asked for, and the connection is back."""
    with pytest.raises(sqlite3.OperationalError):
        await connection.lend(lambda: connection.execute("SELECT nothing"))

    assert count(connection) == 0
