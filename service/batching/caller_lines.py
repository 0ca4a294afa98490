"""Items in line, caller by caller: who sends much waits behind its own records, not in front of others'."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from service.batching.item import Item, State


class CallerLines:
    """A queue in which callers take turns, each by as many items as its weight says; one caller's keep their order.

    With one caller it is first in, first out.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Item]] = {}
        self._left = 0
        """Items that the first caller may still take out in its turn."""
        self._count = 0

    def __len__(self) -> int:
        """Return how many items are in line."""
        return self._count

    def __iter__(self) -> Iterator[Item]:
        """Yield the items, caller by caller."""
        return chain.from_iterable(self._lines.values())

    def push(self, item: Item) -> None:
        """Put an item at the end of its caller's line."""
        line = self._lines.get(item.context.caller)
        if line is None:
            line = self._lines[item.context.caller] = deque()
        line.append(item)
        self._count += 1

    def push_front(self, items: Iterable[Item]) -> None:
        """Put items before those of their callers that came later, keeping their own order."""
        for item in reversed(list(items)):
            line = self._lines.get(item.context.caller)
            if line is None:
                line = self._lines[item.context.caller] = deque()
            line.appendleft(item)
            self._count += 1

    def peek(self) -> Item:
        """Return whose turn it is; there must be one."""
        return next(iter(self._lines.values()))[0]

    def pop(self) -> Item:
        """Take out whose turn it is; there must be one."""
        caller, line = next(iter(self._lines.items()))
        item = line.popleft()
        self._count -= 1
        if not self._left:
            self._left = item.weight
        self._left -= 1
        if not line:
            del self._lines[caller]
            self._left = 0
        elif not self._left and len(self._lines) > 1:
            # To the end of the line of callers.
            del self._lines[caller]
            self._lines[caller] = line
        return item

    def oldest(self) -> float:
        """Return when the item that has waited longest came, in the clock's monotonic seconds; there must be one."""
        return min(line[0].queued_at for line in self._lines.values())

    def sweep(self) -> None:
        """Forget the items that were withdrawn while they were in line."""
        if not self._lines:
            return
        first = next(iter(self._lines))
        kept = {
            caller: deque(each for each in line if each.state is State.WAITING) for caller, line in self._lines.items()
        }
        self._lines = {caller: line for caller, line in kept.items() if line}
        self._count = sum(len(line) for line in self._lines.values())
        if first not in self._lines:
            self._left = 0
