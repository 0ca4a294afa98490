"""Tasks in a line, whatever happens to them while they wait."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import DeadlineExceeded, UpstreamUnavailable
from service.salesforce.line import Line
from tests.support.clock import settle


class Fetching:
    """Tasks that want a text; a test says when and how each fetch of it ends."""

    def __init__(self) -> None:
        self.line: Line[str] = Line()
        self.fetches: list[asyncio.Future[str]] = []
        self.tasks: list[asyncio.Task[str]] = []
        self.went_on: list[int] = []

    def come(self) -> "asyncio.Task[str]":
        """Let one more task come."""
        self.tasks.append(asyncio.create_task(self._pass(len(self.tasks))))
        return self.tasks[-1]

    def end(self, outcome: str | Exception) -> None:
        """End the fetch that is under way, if there is one."""
        if self.fetches and not self.fetches[-1].done():
            if isinstance(outcome, str):
                self.fetches[-1].set_result(outcome)
            else:
                self.fetches[-1].set_exception(outcome)

    async def _pass(self, number: int) -> str:
        try:
            return await self.line.join(self._fetch)
        finally:
            self.went_on.append(number)

    async def _fetch(self) -> str:
        assert not any(not fetch.done() for fetch in self.fetches)
        self.fetches.append(asyncio.get_running_loop().create_future())
        return await self.fetches[-1]


async def test_one_fetches_for_all():
    """Everyone who waits gets what the first one fetched."""
    fetching = Fetching()
    tasks = [fetching.come() for _ in range(5)]
    await settle()

    fetching.end("found")

    assert ["found"] * 5 == await asyncio.gather(*tasks)
    assert 1 == len(fetching.fetches)
    assert fetching.line.is_empty


async def test_nobody_overtakes():
    """Who comes as the others are told goes on after them, though there is nothing left to wait for."""
    fetching = Fetching()
    for _ in range(5):
        fetching.come()
    await settle()
    fetching.end("found")
    fetching.come()
    await asyncio.sleep(0)
    fetching.come()
    await settle()
    fetching.end("found again")
    await settle()

    assert list(range(7)) == fetching.went_on
    assert fetching.line.is_empty


async def test_a_failure_is_shared_by_those_who_wait():
    """An org that is down is not asked by one after the other; each gets an error of its own."""
    fetching = Fetching()
    tasks = [fetching.come() for _ in range(3)]
    await settle()
    fetching.end(UpstreamUnavailable("down", metadata={"org": "prod"}, retry_after_seconds=5.0))
    errors = await asyncio.gather(*tasks, return_exceptions=True)

    assert [UpstreamUnavailable] * 3 == [type(error) for error in errors]
    assert 3 == len({id(error) for error in errors})
    assert 1 == len(fetching.fetches)


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_whoever_has_no_time_leaves_the_fetching_to_the_next(is_cancelled):
    """A deadline and a cancellation are the first one's alone."""
    fetching = Fetching()
    first, second = fetching.come(), fetching.come()
    await settle()
    if is_cancelled:
        first.cancel()
    else:
        fetching.end(DeadlineExceeded("m"))
    await settle()
    fetching.end("found")

    assert "found" == await second
    assert 2 == len(fetching.fetches)
    assert first.cancelled() or isinstance(first.exception(), DeadlineExceeded)


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 4)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
    ),
    max_size=40,
)


@given(_steps)
def test_whatever_happens_the_order_is_kept(steps: Sequence[tuple[str, int]]) -> None:
    """Those who are not cancelled go on in the order in which they came, all of them, and one fetch is under way."""

    async def run() -> Fetching:
        fetching = Fetching()
        for kind, number in steps:
            if kind == "come":
                for _ in range(number):
                    fetching.come()
            elif kind == "cancel" and fetching.tasks:
                fetching.tasks[number % len(fetching.tasks)].cancel()
            elif kind == "end":
                fetching.end(DeadlineExceeded("m") if number == 0 else "found")
            else:
                for _ in range(number):
                    await asyncio.sleep(0)
        while not all(task.done() for task in fetching.tasks):
            fetching.end("found")
            await asyncio.sleep(0)
        return fetching

    fetching = asyncio.run(run())

    assert fetching.line.is_empty
    stayed = [number for number in fetching.went_on if not fetching.tasks[number].cancelled()]
    assert sorted(stayed) == stayed
    assert {number for number, task in enumerate(fetching.tasks) if not task.cancelled()} == {*stayed}
    assert all(task.cancelled() or task.exception() is None or "m" == str(task.exception()) for task in fetching.tasks)
