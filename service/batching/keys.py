"""The keys of a lane: of the items that write one record one is on its way, the others wait behind it."""

from collections import deque

from service.batching.item import Item, State


class Keys:
    """Gives each key to one item at a time, in the order in which they came.

    Attributes:
        behind: Items that wait for their key.

    """

    def __init__(self) -> None:
        self._taken: dict[str, deque[Item] | None] = {}
        """By key that an item holds, the items that wait for it."""
        self.behind = 0

    def take(self, item: Item) -> bool:
        """Give an item its key, or let it wait behind those that came before.

        Args:
            item: An item with a key, which it does not hold.

        Returns:
            True if it holds the key now; False if it waits.

        """
        key = item.key
        if key not in self._taken:
            self._taken[key] = None
            return True
        behind = self._taken[key]
        if behind is None:
            self._taken[key] = behind = deque()
        behind.append(item)
        item.state = State.BEHIND
        self.behind += 1
        return False

    def hand_on(self, key: str) -> Item | None:
        """Take a key from the item that holds it, and return the one that holds it now; None if nobody waits."""
        behind = self._taken.pop(key)
        while behind:
            following = behind.popleft()
            if following.state is State.BEHIND:
                self.behind -= 1
                following.state = State.WAITING
                self._taken[key] = behind or None
                return following
        return None

    def sweep(self) -> None:
        """Forget the items that were withdrawn while they waited."""
        for key, behind in self._taken.items():
            if behind is not None:
                self._taken[key] = deque(each for each in behind if each.state is State.BEHIND) or None
