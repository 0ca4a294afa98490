"""What shadow mode remembers: whose refusals were counted, so that each call counts once, whatever else it asks."""

from collections import OrderedDict

_MOST_CALLS = 10_000
"""How many calls are remembered: more than are ever under way."""


class Counted:
    """The calls that were counted lately, by the ids of their requests."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, request_id: str) -> bool:
        """Tell whether a call was counted lately."""
        return request_id in self._calls

    def add(self, request_id: str) -> None:
        """Remember that a call was counted."""
        self._calls[request_id] = None
        self._calls.move_to_end(request_id)
        if len(self._calls) > _MOST_CALLS:
            self._calls.popitem(last=False)
