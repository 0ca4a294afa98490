"""Who goes next among attempts that wait: classes by priority, callers by weight, each caller's own in their order."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.context import Priority

PASSED_OVER_AT_MOST = 15
"""After so many turns of more urgent classes a class that waits has one: a sixteenth is its own at least."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Ticket(Generic[T]):
    """A place in the queue."""

    priority: Priority
    caller: str
    cost: float
    payload: T
    charged: Mapping[str, float] = field(default_factory=dict)
    """Who pays and which share; empty charges `caller` alone."""


class FairQueue(Generic[T]):
    """Tickets by class, and within a class by start-time fair queueing over callers.

    A caller that has been served waits, in virtual time, for its cost over its weight until it is served again, so
    that callers that always wait are served in proportion to their weights, and one that seldom comes goes before
    those that do all the time. Every operation takes O(log callers) steps.

    Args:
        weight: Returns a caller's weight.

    """

    def __init__(self, weight: Callable[[str], float]) -> None:
        self._classes = {priority: _FairClass[T](weight) for priority in Priority}
        self._passed_over = dict.fromkeys(Priority, 0)
        self._length = 0

    def __len__(self) -> int:
        """Return how many tickets wait."""
        return self._length

    def waiting(self, priority: Priority) -> int:
        """Return how many tickets of a class wait."""
        return self._classes[priority].length

    def waiting_of(self, caller: str, priority: Priority) -> int:
        """Return how many tickets of a caller and class wait."""
        return self._classes[priority].waiting_of(caller)

    def callers(self, priority: Priority) -> int:
        """Return how many callers of a class wait."""
        return self._classes[priority].callers

    def push(self, ticket: Ticket[T]) -> None:
        """Queue a ticket behind those of its caller and class."""
        self._classes[ticket.priority].push(ticket)
        self._length += 1

    def remove(self, ticket: Ticket[T]) -> bool:
        """Take a ticket out of the queue as if it had never come; return False if it was not in it."""
        removed = self._classes[ticket.priority].remove(ticket)
        self._length -= removed
        return removed

    def charge(self, ticket: Ticket[T]) -> None:
        """Let those who pay for a ticket that was taken and is served wait for its cost over their weights."""
        self._classes[ticket.priority].charge(ticket)

    def pop(self, least_urgent: Priority = Priority.BATCH) -> Ticket[T] | None:
        """Take the ticket whose turn it is; `charge` it if it is served.

        Args:
            least_urgent: Classes less urgent than this one have no turn.

        Returns:
            The ticket; None if none waits that may have a turn.

        """
        ready = [priority for priority in Priority if priority <= least_urgent and self._classes[priority].length]
        if not ready:
            return None
        chosen = next((each for each in ready if self._passed_over[each] >= PASSED_OVER_AT_MOST), ready[0])
        for priority in ready:
            if priority > chosen:
                self._passed_over[priority] += 1
        self._passed_over[chosen] = 0
        self._length -= 1
        return self._classes[chosen].pop()


class _FairClass(Generic[T]):
    """The tickets of one class."""

    def __init__(self, weight: Callable[[str], float]) -> None:
        self._weight = weight
        self._tickets: dict[str, OrderedDict[int, Ticket[T]]] = {}
        self._heap: list[tuple[float, int, str]] = []
        """Start times of callers, and the numbers under which they entered; stale ones are corrected at the top."""
        self._entered: dict[str, int] = {}
        """The number under which each waiting caller stands in the heap."""
        self._finish: dict[str, float] = {}
        """When, in virtual time, what each caller was served ends; left out where it has passed."""
        self._now = 0.0
        self._number = 0
        self.length = 0

    @property
    def callers(self) -> int:
        return len(self._tickets)

    def waiting_of(self, caller: str) -> int:
        return len(self._tickets.get(caller, ()))

    def push(self, ticket: Ticket[T]) -> None:
        self.length += 1
        tickets = self._tickets.get(ticket.caller)
        if tickets is None:
            if not self._tickets and self._finish:
                # Nobody waited, so what was served before is settled.
                self._now = max(self._finish.values())
                self._finish.clear()
            self._tickets[ticket.caller] = tickets = OrderedDict()
            self._enter(ticket.caller)
        tickets[id(ticket)] = ticket

    def remove(self, ticket: Ticket[T]) -> bool:
        tickets = self._tickets.get(ticket.caller, OrderedDict())
        if tickets.pop(id(ticket), None) is None:
            return False
        self.length -= 1
        if not tickets:
            self._leave(ticket.caller)
        return True

    def pop(self) -> Ticket[T]:
        """Take the next ticket; there must be one."""
        while True:
            start, number, caller = self._heap[0]
            if self._entered.get(caller) != number:
                heapq.heappop(self._heap)
            elif start < self._finish.get(caller, 0.0):
                heapq.heapreplace(self._heap, (self._finish[caller], number, caller))
            else:
                break
        self._now = max(self._now, start)
        tickets = self._tickets[caller]
        _, ticket = tickets.popitem(last=False)
        self.length -= 1
        if not tickets:
            self._leave(caller)
        return ticket

    def charge(self, ticket: Ticket[T]) -> None:
        for payer, share in (ticket.charged or {ticket.caller: 1.0}).items():
            begun = max(self._now, self._finish.get(payer, 0.0))
            self._finish[payer] = begun + ticket.cost * share / self._weight(payer)
        if len(self._finish) > 2 * len(self._tickets) + 64:
            self._finish = {caller: at for caller, at in self._finish.items() if at > self._now}

    def _enter(self, caller: str) -> None:
        self._number += 1
        self._entered[caller] = self._number
        heapq.heappush(self._heap, (max(self._now, self._finish.get(caller, 0.0)), self._number, caller))

    def _leave(self, caller: str) -> None:
        del self._tickets[caller]
        del self._entered[caller]
        if len(self._heap) > 2 * len(self._tickets) + 64:
            self._heap = [entry for entry in self._heap if self._entered.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
