"""Tests whose event loop has a time of its own: it passes only while nothing can run, and then at once.

Waits of ten minutes take none, and a busy machine lets nobody wait too long.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from functools import wraps
from typing import Any


def in_idle_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on such a loop; waits for anything outside of the process are none of its business."""

    @wraps(test)
    def run(**given: Any) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(test(**given))

    return run


class _Selector(selectors.DefaultSelector):
    """Lets the time pass that it is told to wait for, unless a thread is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.threads:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.passed += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._idle = _Selector()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.passed

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._idle.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        self._idle.threads += 1
        await super().shutdown_default_executor(*timeout)

    def _thread_ended(self, _future: object) -> None:
        self._idle.threads -= 1
