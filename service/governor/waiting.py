"""Attempts that wait for a permit: in fair order, and aside while their object has its fill."""

import asyncio
from dataclasses import dataclass, field

from service.context import CallContext, Priority
from service.governor.accounts import Account, Accounts
from service.governor.base import Cost
from service.governor.fair_queue import FairQueue, Ticket


@dataclass(eq=False, slots=True)
class Attempt:
    """One HTTP attempt: what it uses and for whom."""

    cost: Cost
    context: CallContext
    is_probe: bool = False
    """Whether it finds out how the allocation stands."""


@dataclass(eq=False, slots=True)
class Waiter:
    """An attempt that waits."""

    attempt: Attempt
    account: Account
    granted: asyncio.Future[None] = field(repr=False)
    """Done once it has its permit; holds the refusal if it gets none."""
    is_aside: bool = False
    """Whether it waits for its object."""


class WaitingRoom:
    """Attempts that wait. Those whose object has its fill stand aside, so that they are in no one's way.

    Args:
        accounts: The weights of callers.

    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._queue: FairQueue[Waiter] = FairQueue(accounts.weight)
        self._aside: dict[str, FairQueue[Waiter]] = {}
        self._queued: dict[str, int] = {}
        """How many in the queue have each bulkhead."""
        self._length = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._length

    @property
    def is_queue_empty(self) -> bool:
        """Whether none waits but for its object."""
        return not self._queue

    def is_aside(self, bulkhead: str) -> bool:
        """Tell whether attempts wait for an object."""
        return bulkhead in self._aside

    def ahead_of(self, account: Account, priority: Priority, bulkhead: str) -> int:
        """Return about how many will be served before a further attempt of a caller."""
        queue = self._aside.get(bulkhead, self._queue)
        more_urgent = sum(queue.waiting(each) for each in Priority if each < priority)
        own = queue.waiting_of(account.name, priority)
        return more_urgent + min(queue.waiting(priority), own + (own + 1) * queue.callers(priority))

    def put(self, ticket: Ticket[Waiter]) -> None:
        """Let an attempt wait, behind those for the same object if such stand aside."""
        self._length += 1
        ticket.payload.account.waiting += 1
        self._accounts.classes[ticket.priority].waiting += 1
        if ticket.payload.attempt.cost.bulkhead in self._aside:
            self.set_aside(ticket)
        else:
            self._enqueue(ticket)

    def take_away(self, ticket: Ticket[Waiter]) -> None:
        """Let an attempt that waits go without a permit."""
        bulkhead = ticket.payload.attempt.cost.bulkhead
        if ticket.payload.is_aside:
            aside = self._aside[bulkhead]
            aside.remove(ticket)
            if not aside:
                del self._aside[bulkhead]
        elif self._queue.remove(ticket):
            self._dequeued(bulkhead)
        self._gone(ticket)

    def next(self, least_urgent: Priority) -> Ticket[Waiter] | None:
        """Take the attempt whose turn it is; `serve` it or `set_aside`. None if none has a turn."""
        ticket = self._queue.pop(least_urgent)
        if ticket is not None:
            self._dequeued(ticket.payload.attempt.cost.bulkhead)
        return ticket

    def serve(self, ticket: Ticket[Waiter]) -> None:
        """Take note that an attempt that was taken has its permit."""
        self._queue.charge(ticket)
        self._gone(ticket)

    def dismiss(self, ticket: Ticket[Waiter]) -> None:
        """Take note that an attempt that was taken gets no permit."""
        self._gone(ticket)

    def set_aside(self, ticket: Ticket[Waiter]) -> None:
        """Let an attempt wait for its object."""
        bulkhead = ticket.payload.attempt.cost.bulkhead
        ticket.payload.is_aside = True
        aside = self._aside.get(bulkhead)
        if aside is None:
            self._aside[bulkhead] = aside = FairQueue(self._accounts.weight)
        aside.push(ticket)

    def call_back(self, bulkhead: str, free: int) -> None:
        """Let those that stand aside for an object queue again, as many as it takes more attempts."""
        aside = self._aside.get(bulkhead)
        if aside is None:
            return
        while self._queued.get(bulkhead, 0) < free:
            ticket = aside.pop()
            if ticket is None:
                del self._aside[bulkhead]
                return
            aside.charge(ticket)
            ticket.payload.is_aside = False
            self._enqueue(ticket)
        if not aside:
            del self._aside[bulkhead]

    def _enqueue(self, ticket: Ticket[Waiter]) -> None:
        bulkhead = ticket.payload.attempt.cost.bulkhead
        if bulkhead:
            self._queued[bulkhead] = self._queued.get(bulkhead, 0) + 1
        self._queue.push(ticket)

    def _dequeued(self, bulkhead: str) -> None:
        if not bulkhead:
            return
        left = self._queued[bulkhead] - 1
        if left:
            self._queued[bulkhead] = left
        else:
            del self._queued[bulkhead]

    def _gone(self, ticket: Ticket[Waiter]) -> None:
        self._length -= 1
        ticket.payload.account.waiting -= 1
        self._accounts.classes[ticket.priority].waiting -= 1
