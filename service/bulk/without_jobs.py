"""What cannot be asked of a load whose rows are written by calls: it has no job, and only a job keeps anything."""

from service import errors
from service.bulk.ledger import Ledger
from service.bulk.request import Commit
from service.bulk.telling.load_view import PartState
from service.bulk.ways.way import Way


def refuse_results(ledger: Ledger, part: int = 0) -> None:
    """Refuse to list the results of parts without a job, rather than to list none.

    Args:
        ledger: The load.
        part: The only part that is asked for; 0 for all.

    Raises:
        errors.LoadWithoutJob: One of them has none.

    """
    if any(record.way is Way.COLLECTIONS and part in {0, record.start.part} for record in ledger.parts):
        raise _refusal(
            ledger,
            "its rows are written by calls, whose results come with the load and are kept nowhere; send the rows again "
            "to have them told, or ask for `keep_results` to have a job keep them",
        )


def refuse_repeated_results(ledger: Ledger) -> None:
    """Refuse to repeat the results of parts without a job that are done.

    Raises:
        errors.LoadWithoutJob: There is such a part.

    """
    if any(record.way is Way.COLLECTIONS and record.counts is not None for record in ledger.parts):
        refuse_results(ledger)


def refuse_state(ledger: Ledger) -> None:
    """Refuse to tell how a load stands that its end commits, rather than what an early token of it says for ever.

    Raises:
        errors.LoadWithoutJob: It has no job, or had none yet, and is not over as far as the token knows.

    """
    is_over = all(record.counts is not None for record in ledger.parts if record.way is Way.COLLECTIONS)
    if ledger.commit is Commit.AT_END and not is_over:
        raise _refusal(
            ledger,
            "only the call that loads it knows how it stands; ask by the token of its last message, or have a job made "
            "by `keep_results`",
        )


def refuse_abort(ledger: Ledger) -> None:
    """Refuse to abort parts without a job that are not over, rather than to let them seem aborted.

    Raises:
        errors.LoadWithoutJob: There is such a part.

    """
    if any(record.way is Way.COLLECTIONS and record.state is not PartState.DONE for record in ledger.parts):
        raise _refusal(
            ledger,
            "its rows are written by the call that loads them and by no job; leave that call before you commit, and "
            "nothing is written",
        )


def _refusal(ledger: Ledger, problem: str) -> errors.LoadWithoutJob:
    return errors.LoadWithoutJob(f"the load has no bulk job: {problem}", metadata={"load_id": ledger.load_id})
