"""The end of calls whose callers set no deadline."""

import asyncio
from typing import Any


class Overdue:
    """Cancels calls that have taken as long as any may.

    All may take equally long, so that the oldest is always the next to be cancelled: one timer serves them all, where
    one of its own would cost each call more than everything else that is done around it.

    Args:
        seconds: How long a call may take.

    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> "asyncio.Task[Any]":
        """Cancel the current task when the time is over, unless `end` comes first. A task has one such time at most.

        Returns:
            The task, for `end`.

        """
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._due[task] = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._cancel)
        return task

    def end(self, task: "asyncio.Task[Any]") -> bool:
        """Leave a task alone from now on.

        Returns:
            True if it was cancelled because its time was over, and for no other reason; it is no longer asked to
            cancel then.

        """
        if self._due.pop(task, None) is not None:
            return False
        return task.uncancel() == 0

    def _cancel(self) -> None:
        """Cancel what is overdue, and look again when the oldest of the rest is."""
        self._timer = None
        while self._due:
            task, due = next(iter(self._due.items()))
            loop = task.get_loop()
            if due > loop.time():
                self._timer = loop.call_at(due, self._cancel)
                return
            del self._due[task]
            task.cancel()
