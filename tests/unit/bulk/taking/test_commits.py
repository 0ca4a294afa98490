"""Which commit has which part written."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.job import JobState
from service.bulk.ledger import Ledger, PartRecord
from service.bulk.request import Commit, LoadRequest, Operation
from service.bulk.taking.commits import Commits
from service.bulk.taking.messages import PartCommit
from service.bulk.ways.way import Way
from service.errors import InvalidData, InvalidRequest, InvalidToken
from tests.unit.bulk.loading import SIGNER, by_part, new_ledger

REQUEST = by_part(LoadRequest("Lead", Operation.INSERT))
START, END = Position(), Position(2, 11, 100)


class Waiting:
    """A part that waits for its commit."""

    def __init__(self, *job_ids: str, way: Way = Way.JOB) -> None:
        self.record = PartRecord(START, END, b"12345678", list(job_ids), 10)
        if way is Way.COLLECTIONS:
            self.record.write_by_calls(JobState.OPEN)
        self.is_waiting = True
        self.commits = 0

    def commit(self) -> None:
        """Take note."""
        self.commits += 1


def token_of(*records: PartRecord, load_id: str = "load") -> str:
    """Return a token that knows some parts."""
    ledger = Ledger.new(REQUEST, org="prod", load_id=load_id, now=0.0, limits=PartLimits())
    ledger.parts.extend(records)
    return SIGNER.write(ledger.token())


def commits_of(run: Waiting, request: LoadRequest = REQUEST) -> Commits:
    """Return what takes the commits of a load of one part."""
    desk = SimpleNamespace(request=request, signer=SIGNER, ledger=new_ledger(request))
    return Commits(cast("Any", desk), cast("Any", {1: run}))


@pytest.mark.parametrize("way", Way)
def test_a_token_that_names_what_waits_has_it_written(way):
    """With a job its last one is what waits, without one the part itself."""
    run = Waiting(*(["750A", "750B"] if way is Way.JOB else []), way=way)

    commits_of(run).take(PartCommit(1, token_of(run.record)))

    assert 1 == run.commits


@pytest.mark.parametrize(("known", "is_waiting"), [(["750A"], True), (["750A", "750B"], False)])
def test_a_commit_that_came_before_changes_nothing(known, is_waiting):
    """One of the job before, that is late, does not have the rows of the next job written; nor does one sent twice."""
    run = Waiting("750A", "750B")
    run.is_waiting = is_waiting

    commits_of(run).take(PartCommit(1, token_of(Waiting(*known).record)))

    assert 0 == run.commits


@pytest.mark.parametrize(
    ("part", "records", "load_id", "words"),
    [
        (1, [], "load", "does not name the job"),
        (1, [Waiting().record], "load", "does not name the job"),
        (1, [Waiting("750X").record], "load", "does not name the job"),
        (1, [Waiting("750A", "750B").record], "load", "does not name the job"),
        (1, [Waiting("750A").record], "another", "has no part 1"),
        (2, [Waiting("750A").record], "load", "has no part 2"),
    ],
)
def test_whoever_has_not_seen_the_token_commits_nothing(part, records, load_id, words):
    """A token from before the part had its job, of another job, of another load or of another part."""
    run = Waiting("750A")

    with pytest.raises(InvalidRequest, match=words):
        commits_of(run).take(PartCommit(part, token_of(*records, load_id=load_id)))

    assert 0 == run.commits


def test_a_token_that_was_made_up_is_refused():
    """Nothing of it is read."""
    run = Waiting("750A")

    with pytest.raises(InvalidToken):
        commits_of(run).take(PartCommit(1, "made up"))

    assert 0 == run.commits


def test_a_load_that_its_end_commits_takes_no_other():
    """What it lacks is named."""
    request = LoadRequest("Lead", Operation.INSERT, commit=Commit.AT_END)

    with pytest.raises(InvalidRequest, match="the header asks for commits by part"):
        commits_of(Waiting("750A"), request).take(PartCommit(1, token_of()))


def test_what_the_caller_owes_is_asked_for_unless_its_data_is_at_fault():
    """A row that cannot be read is the better reason; a part that does not wait owes nothing."""
    run = Waiting("750A")
    commits = commits_of(run)

    with pytest.raises(InvalidRequest, match="every prepared part"):
        commits.check_complete(None)
    with pytest.raises(InvalidData, match="row 3"):
        commits.check_complete(InvalidData("row 3", row=3))
    run.is_waiting = False
    commits.check_complete(None)
