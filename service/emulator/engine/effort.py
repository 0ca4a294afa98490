"""How long a query may run: counted in SQLite's own steps, so that the answer does not depend on the machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from service.emulator.faults import SalesforceFault

STEPS = 1_000_000_000
"""Instructions of SQLite's virtual machine, some ten seconds; Salesforce gives a query two minutes."""

QUICK = 2_000_000
"""Instructions that a query may take from everything else on its thread, some twenty milliseconds."""

_STRIDE = 1_000_000


class Postponed(Exception):
    """A query would take long, and was stopped to be begun again elsewhere."""


@contextmanager
def bounded(connection: sqlite3.Connection, steps: int = STEPS, *, postpone: bool = False) -> Iterator[None]:
    """Bound the statements run inside the block; an emulated org shares its thread with everything else.

    Args:
        connection: Where the statements run; a progress handler it may have is replaced.
        steps: Greatest number of instructions, to the next million.
        postpone: Whether to stop after a few of them.

    Raises:
        Postponed: A statement was stopped early.
        SalesforceFault: QUERY_TIMEOUT when a statement was stopped, QUERY_TOO_COMPLICATED when SQLite's own bounds on
            columns, tables and depth refuse it; they stand in for Salesforce's on complexity.

    """
    left = (QUICK if postpone else steps) // _STRIDE

    def stop() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(stop, _STRIDE)
    try:
        yield
    except sqlite3.OperationalError as error:
        if left < 0 and postpone:
            raise Postponed from error
        if left < 0:
            raise SalesforceFault(400, "QUERY_TIMEOUT", "Your query request was running for too long.") from error
        raise SalesforceFault(400, "QUERY_TOO_COMPLICATED", "Query is too complicated.") from error
    finally:
        connection.set_progress_handler(None, _STRIDE)
