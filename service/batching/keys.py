"""The keys of an org's lanes: of the items that write one record one is on its way, the others wait behind it."""

from collections import deque
from collections.abc import Callable

from service.batching.item import Item, State

Follow = Callable[[Item], None]
"""Takes an item that has its key now."""


class Keys:
    """Gives each key to one item at a time, in the order in which they came, over all lanes of an org."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._behind: dict[str, deque[tuple[Item, Follow]]] = {}

    def take(self, item: Item, follow: Follow) -> bool:
        """Give an item its key, or let it wait behind those that came before.

        Args:
            item: An item with a key, which it does not hold.
            follow: Takes the item when it has waited and holds the key.

        Returns:
            True if it holds the key now; False if it waits.

        """
        key = item.key
        if key not in self._taken:
            self._taken.add(key)
            return True
        behind = self._behind.get(key)
        if behind is None:
            self._behind[key] = behind = deque()
        behind.append((item, follow))
        item.state = State.BEHIND
        return False

    def hand_on(self, key: str) -> None:
        """Take a key from the item that holds it, and give it to the next that waits for it, if one does."""
        behind = self._behind.get(key)
        while behind:
            following, follow = behind.popleft()
            if following.state is State.BEHIND:
                following.state = State.WAITING
                follow(following)
                return
        self._behind.pop(key, None)
        self._taken.discard(key)

    def sweep(self) -> None:
        """Forget the items that were withdrawn while they waited."""
        for key, behind in list(self._behind.items()):
            kept = deque(each for each in behind if each[0].state is State.BEHIND)
            if kept:
                self._behind[key] = kept
            else:
                del self._behind[key]
