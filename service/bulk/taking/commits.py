"""The commits of a load, handed to the parts that wait for them."""

from collections.abc import Mapping

from service.bulk.desk import Desk
from service.bulk.request import Commit
from service.bulk.running.part_run import PartRun
from service.bulk.taking.messages import PartCommit, disorder
from service.bulk.token import PartEntry
from service.bulk.ways.way import Way
from service.errors import InvalidArgument


class Commits:
    """Takes commits. A commit counts only with a token that names what waits: so its caller has seen that token.

    Args:
        desk: The load's.
        runs: The parts that were set to work, by number.

    """

    def __init__(self, desk: Desk, runs: Mapping[int, PartRun]) -> None:
        self._desk = desk
        self._runs = runs

    def take(self, message: PartCommit) -> None:
        """Have a part written. A commit that came before, or is of a job before the last one, changes nothing.

        Raises:
            service.errors.InvalidRequest: The load is committed otherwise, the part was not prepared in this call, or
                the token does not name its job.
            service.errors.InvalidToken: The token was not made here, or is of another org.

        """
        desk = self._desk
        if desk.request.commit is not Commit.BY_PART:
            raise disorder("commit", "the end of the data commits this load; the header asks for commits by part")
        token = desk.signer.read(message.resume_token, org=desk.ledger.org)
        run = self._runs.get(message.part)
        if run is None or token.load_id != desk.ledger.load_id:
            raise disorder("commit", f"the load has no part {message.part} that was prepared in this call")
        entry = token.parts[message.part - 1] if message.part <= len(token.parts) else None
        if entry is None or not _names(entry, run):
            raise disorder("commit", f"the token does not name the job of part {message.part} that was prepared")
        if run.record.way is Way.COLLECTIONS or (run.is_waiting and entry.jobs == tuple(run.record.job_ids)):
            run.commit()

    def take_all(self) -> None:
        """Have every part written."""
        for run in self._runs.values():
            run.commit()

    def check_complete(self, fault: InvalidArgument | None) -> None:
        """Refuse the end of the messages where commits have to come.

        Args:
            fault: Why the data could not be read to its end, which then is what is told.

        Raises:
            service.errors.InvalidArgument: A part waits for its commit.

        """
        if any(run.is_waiting for run in self._runs.values()):
            raise fault or disorder("commit", "the stream was closed before every prepared part was committed")


def _names(entry: PartEntry, run: PartRun) -> bool:
    """Tell whether a token's entry is of the part as it was prepared: with its job, one before that, or without any."""
    job_ids = tuple(run.record.job_ids)
    if run.record.way is Way.COLLECTIONS and entry.by_calls:
        return True
    return bool(entry.jobs) and job_ids[: len(entry.jobs)] == entry.jobs
