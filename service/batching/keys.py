"""The keys of an org's lanes: of the items that write one record one is on its way, the others wait behind it."""

from collections import deque
from typing import Protocol

from service.batching.item import Item, State


class Owner(Protocol):
    """A lane, to which items belong."""

    def follow(self, item: Item) -> None:
        """Take an item that waited for its key and has it now."""
        ...

    def hurry(self) -> None:
        """Look again how long items may be held back: one that has its key has less time now."""
        ...


class _Behind:
    """The items that wait for a key, in their order."""

    __slots__ = ("items", "until")

    def __init__(self) -> None:
        self.items: deque[tuple[Item, Owner]] = deque()
        self.until = float("inf")
        """Until when the least patient that came lets itself be held back, in the clock's monotonic seconds."""


class Keys:
    """Gives each key to one item at a time, in the order in which they came, over all lanes of an org.

    An item that has its key is held back no longer than those behind it tolerate: to them it is as if they were held.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[Item, Owner]] = {}
        self._behind: dict[str, _Behind] = {}

    def take(self, item: Item, owner: Owner) -> bool:
        """Give an item its key, or let it wait behind those that came before.

        Args:
            item: An item with a key, which it does not hold.
            owner: Takes the item when it has waited and holds the key.

        Returns:
            True if it holds the key now; False if it waits.

        """
        key = item.key
        taken = self._taken.get(key)
        if taken is None:
            self._taken[key] = (item, owner)
            return True
        behind = self._behind.get(key)
        if behind is None:
            self._behind[key] = behind = _Behind()
        behind.items.append((item, owner))
        item.state = State.BEHIND
        behind.until = min(behind.until, item.held_until())
        holder, its_owner = taken
        if holder.state is State.WAITING and _is_hurried(holder, behind.until):
            its_owner.hurry()
        return False

    def hand_on(self, key: str) -> None:
        """Take a key from the item that holds it, and give it to the next that waits for it, if one does."""
        behind = self._behind.get(key)
        while behind is not None and behind.items:
            following, owner = taken = behind.items.popleft()
            if following.state is State.BEHIND:
                following.state = State.WAITING
                _is_hurried(following, behind.until)
                self._taken[key] = taken
                owner.follow(following)
                return
        if behind is not None:
            del self._behind[key]
        self._taken.pop(key, None)

    def sweep(self) -> None:
        """Forget the items that were withdrawn while they waited."""
        for key, behind in list(self._behind.items()):
            behind.items = deque(each for each in behind.items if each[0].state is State.BEHIND)
            if not behind.items:
                del self._behind[key]


def _is_hurried(item: Item, until: float) -> bool:
    """Let an item be held back no longer than until a moment; tell whether that is sooner than it was."""
    if item.held_until() <= until:
        return False
    item.max_wait_seconds = until - item.queued_at
    return True
