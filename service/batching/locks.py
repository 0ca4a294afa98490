"""Which records the calls in flight lock, so that no two of them contend for one.

Salesforce locks the parent of a record that is written, and fails whoever comes second with UNABLE_TO_LOCK_ROW.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from service.batching.item import Item, State

Return = Callable[[Sequence[Item]], None]
"""Takes back items whose way is free now."""


class Locks:
    """The records locked by calls in flight, over all lanes of an org."""

    def __init__(self) -> None:
        self._holders: dict[str, object] = {}
        self._parked: dict[str, deque[tuple[Item, Return]]] = {}

    def take(self, item: Item, call: object, give_back: Return) -> bool:
        """Lock an item's records for a call, or keep the item until the first that another call holds is free.

        Args:
            item: The item.
            call: The call that wants it; items of one call may share records.
            give_back: Takes the item back when it is worth trying again.

        Returns:
            True if the item may travel in the call; False if it is kept.

        """
        holders = self._holders
        for lock in item.locks:
            if holders.get(lock, call) is not call:
                self._parked.setdefault(lock, deque()).append((item, give_back))
                return False
        for lock in item.locks:
            holders[lock] = call
        return True

    def sweep(self) -> None:
        """Forget the items that were withdrawn while they were kept."""
        for lock, parked in list(self._parked.items()):
            kept = deque(each for each in parked if each[0].state is State.WAITING)
            if kept:
                self._parked[lock] = kept
            else:
                del self._parked[lock]

    def release(self, items: Iterable[Item], call: object) -> None:
        """Unlock what a call held, and give back the items that waited for it, in their order."""
        free: dict[Return, list[Item]] = {}
        for item in items:
            for lock in item.locks:
                if self._holders.get(lock) is call:
                    del self._holders[lock]
                    for waiting, give_back in self._parked.pop(lock, ()):
                        free.setdefault(give_back, []).append(waiting)
        for give_back, waiting_items in free.items():
            give_back(waiting_items)
