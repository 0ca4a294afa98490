"""One part at work: it waits for its commit, and has a slot among the parts that may be at work at a time."""

from abc import ABC, abstractmethod

from service.bulk.cutting.parts import Part
from service.bulk.desk import Desk
from service.bulk.failpoints import Failpoint
from service.bulk.ledger import PartRecord
from service.bulk.request import Commit
from service.bulk.running.consent import Consent
from service.bulk.telling.events import Prepared


class PartRun(ABC):
    """What runs one part, from its cut to its last result.

    Args:
        record: What is known of the part.
        part: Its rows; closed in the end.
        desk: The load's.

    """

    def __init__(self, record: PartRecord, part: Part, desk: Desk) -> None:
        self.record = record
        self._part = part
        self._desk = desk
        self._room = desk.room.cut(part.content.size, part.rows)
        self._consent = Consent(desk, record)
        self._has_slot = False

    @abstractmethod
    async def run(self) -> None:
        """Bring the part to its end. It has its slot by now, and gives it back.

        Raises:
            errors.SluicegateError: Salesforce refused, or an outage lasted.

        """

    @abstractmethod
    async def abandon(self) -> None:
        """Undo what is of no use. Returns within ten seconds and never raises but for cancellation."""

    @property
    def is_waiting(self) -> bool:
        """Whether the caller's commit is what it waits for."""
        return self._consent.is_awaited

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are kept while the caller's commit is waited for."""
        return self._part.content.size if self.is_waiting else 0

    def commit(self) -> None:
        """Have what waits written."""
        self._consent.give()

    async def _wait_for_commit(self) -> None:
        desk = self._desk
        if not self._consent.ask():
            self._give_slot()
        if desk.request.commit is Commit.BY_PART:
            await desk.tell(Prepared(desk.token(), self.record.shown(), self.record.left))
            self._consent.check()
        else:
            await desk.tell_progress()
        await self._consent.wait()
        await self.take_slot()
        await desk.reach(Failpoint.COMMIT_RECEIVED)

    async def take_slot(self) -> None:
        """Wait for room among the parts that are at work."""
        if not self._has_slot:
            await self._desk.slots.acquire()
            self._has_slot = True
            self._desk.watch.totals.parts_at_work += 1

    def _give_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._desk.slots.release()
            self._desk.watch.totals.parts_at_work -= 1

    def close(self) -> None:
        """Free the part's rows and its slot. May be called twice, and without `run`."""
        self._part.content.close()
        self._room.close()
        self._give_slot()
