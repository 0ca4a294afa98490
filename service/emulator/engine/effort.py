"""How long a query may run: counted in SQLite's own steps, so that the answer does not depend on the machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from service.emulator.faults import SalesforceFault

STEPS = 1_000_000_000
"""Instructions of SQLite's virtual machine, some ten seconds; Salesforce gives a query two minutes."""

_STRIDE = 1_000_000


@contextmanager
def bounded(connection: sqlite3.Connection, steps: int = STEPS) -> Iterator[None]:
    """Bound the statements run inside the block; an emulated org shares its thread with everything else.

    Args:
        connection: Where the statements run; a progress handler it may have is replaced.
        steps: Greatest number of instructions, to the next million.

    Raises:
        SalesforceFault: QUERY_TIMEOUT when a statement was stopped, QUERY_TOO_COMPLICATED when SQLite's own bounds on
            columns, tables and depth refuse it; they stand in for Salesforce's on complexity.

    """
    left = steps // _STRIDE

    def stop() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(stop, _STRIDE)
    try:
        yield
    except sqlite3.OperationalError as error:
        if left < 0:
            raise SalesforceFault(400, "QUERY_TIMEOUT", "Your query request was running for too long.") from error
        raise SalesforceFault(400, "QUERY_TOO_COMPLICATED", "Query is too complicated.") from error
    finally:
        connection.set_progress_handler(None, _STRIDE)
