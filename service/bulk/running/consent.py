"""The caller's word that a part's job may be written."""

import asyncio

from service import errors
from service.bulk.desk import Desk
from service.bulk.ledger import PartRecord
from service.bulk.request import Commit, Operation
from service.bulk.room import WAIT_SECONDS

_HARMLESS = frozenset({Operation.UPDATE, Operation.UPSERT})
"""What has the effect of once when it is done twice. A deletion that is repeated is told as failed."""


class Consent:
    """A part's. Each of its jobs needs one of its own, if the caller commits by part.

    The rows of a job that tries some again were committed with the first job. Its own commit tells that the caller has
    stored a token which names it: whoever goes on with an older one has the rows tried by one more job. That does no
    harm where writing twice has the effect of once, and there a caller that has said all it will say has given it.

    Args:
        desk: The load's.
        record: The part.

    """

    def __init__(self, desk: Desk, record: PartRecord) -> None:
        self._desk = desk
        self._record = record
        self._given = asyncio.Event()
        self._is_awaited = False

    @property
    def is_awaited(self) -> bool:
        """Whether it is what the part waits for, and only the caller can give it."""
        return self._is_awaited and not (self._desk.is_closed and self._goes_without)

    @property
    def may_retry(self) -> bool:
        """Whether a job that tries rows again may yet get one."""
        is_mute = self._desk.is_closed and self._desk.request.commit is Commit.BY_PART
        return not is_mute or self._desk.request.operation in _HARMLESS

    def give(self) -> None:
        """Have the job that waits written."""
        self._is_awaited = False
        self._given.set()

    def ask(self) -> bool:
        """Await it for the part's last job, and tell whether it is given already."""
        if self._desk.request.commit is Commit.BY_PART:
            self._given.clear()
        self._is_awaited = not self._given.is_set()
        return not self._is_awaited

    def check(self) -> None:
        """Refuse to wait for what cannot come.

        Raises:
            errors.InvalidRequest: The caller has said all it will say.

        """
        if self._desk.is_closed and self.is_awaited:
            problem = f"the stream was closed before part {self._record.start.part} was committed"
            raise errors.InvalidRequest(problem, violations=[errors.FieldViolation("commit", problem)])

    async def wait(self) -> None:
        """Wait for it.

        Raises:
            errors.DeadlineExceeded: It has not come for ten minutes, and other loads wait for the room on the disk.

        """
        events = [self._given, self._desk.closed] if self._goes_without else [self._given]
        said = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            with self._desk.owed.one():
                while not (await asyncio.wait(said, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
                    if self._desk.room.is_short:
                        raise errors.DeadlineExceeded(
                            f"part {self._record.start.part} was not committed for {WAIT_SECONDS:.0f} seconds, and "
                            "other loads need its room; go on with the load by its last token"
                        )
        finally:
            for waiting in said:
                waiting.cancel()
        self._is_awaited = False

    @property
    def _goes_without(self) -> bool:
        """Whether a caller that has said all has given it."""
        return len(self._record.job_ids) > 1 and self._desk.request.operation in _HARMLESS
