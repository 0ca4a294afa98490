"""A database connection that another thread may borrow for one long query, while its owner does other things."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class LendableConnection(sqlite3.Connection):
    """Belongs to one thread, which may lend it; whatever that thread asks of it meanwhile waits for its return.

    So nothing is ever read or written in the middle of what the borrower reads, and the order of effects is that of
    the calls. `backup` and the functions that add functions are not for use while it is lent.
    """

    _returned: threading.Event | None = None
    _borrower: int | None = None

    async def lend(self, work: Callable[[], T]) -> T:
        """Run a function that uses the connection in a thread of its own.

        Being cancelled does not stop the function; the connection comes back when it has ended.

        Args:
            work: Only reads.

        """
        self._own()
        returned = self._returned = threading.Event()

        def borrow() -> T:
            self._borrower = threading.get_ident()
            try:
                return work()
            finally:
                self._give_back(returned)

        try:
            running = asyncio.get_running_loop().run_in_executor(None, borrow)
        except BaseException:
            self._give_back(returned)
            raise
        # A cancelled future might never start, and the connection never come back.
        return await asyncio.shield(running)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement, when the connection is here."""
        if self._returned is not None:
            self._own()
        return super().execute(*arguments)

    def set_progress_handler(self, *arguments: Any) -> None:
        """Set what is called while statements run, when the connection is here."""
        self._own()
        super().set_progress_handler(*arguments)

    def create_collation(self, *arguments: Any) -> None:
        """Replace a collation, when the connection is here."""
        self._own()
        super().create_collation(*arguments)

    def close(self) -> None:
        """Stop what a borrower runs, and close."""
        if self._returned is not None:
            self.interrupt()
        self._own()
        super().close()

    def _own(self) -> None:
        returned = self._returned
        if returned is not None and self._borrower != threading.get_ident():
            returned.wait()

    def _give_back(self, returned: threading.Event) -> None:
        self._borrower = self._returned = None
        returned.set()
