"""What is known of a load, as tokens and callers are told it."""

import random
import string
from dataclasses import replace

import pytest

from service import errors
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.job import Job, JobState
from service.bulk.ledger import DIGEST_BYTES, MAX_PARTS, Ledger, PartRecord
from service.bulk.request import Commit, LoadRequest, Operation
from service.bulk.results.outcomes import RowCounts, RowOutcome
from service.bulk.results.retries import MAX_RETRIES
from service.bulk.telling.load_view import PartState
from service.bulk.token import MAX_LOAD_TOKEN_LENGTH, TokenSigner
from service.settings.signing_key import SigningKey

REQUEST = LoadRequest("Lead", Operation.INSERT, commit=Commit.BY_PART, key_column="Ext__c")
FIRST = Position(1, 1, 20)
SECOND = Position(2, 11, 120)
THIRD = Position(3, 15, 160)


def job(state: JobState, processed: int = 0, failed: int = 0, number: int = 1) -> Job:
    """Return a job."""
    return Job(f"750{number:012d}AAA", state, processed, failed)


def ledger(*states: JobState | None, has_ended: bool = True) -> Ledger:
    """Return a load whose parts have jobs in these states; None for a part that is done."""
    made = Ledger.new(REQUEST, org="prod", load_id="load", now=1.5, limits=PartLimits(1000, 10))
    made.header_bytes, made.has_ended = 20, has_ended
    for number, (state, start, end) in enumerate(zip(states, (FIRST, SECOND), (SECOND, THIRD), strict=False), 1):
        record = PartRecord(start, end, b"12345678")
        record.begin_job(job(state or JobState.COMPLETE, number=number), record.rows)
        record.counts = RowCounts(created=record.rows - 1, failed=1) if state is None else None
        made.parts.append(record)
    return made


@pytest.mark.parametrize(
    ("states", "has_ended", "expected"),
    [
        ((), True, JobState.OPEN),
        ((JobState.OPEN,), True, JobState.OPEN),
        ((None, JobState.OPEN), True, JobState.OPEN),
        ((JobState.UPLOADED, JobState.UPLOADED), True, JobState.UPLOADED),
        ((None, JobState.UPLOADED), True, JobState.PROCESSING),
        ((JobState.PROCESSING, JobState.COMPLETE), True, JobState.PROCESSING),
        ((None, None), True, JobState.COMPLETE),
        ((None, None), False, JobState.OPEN),
        ((None, JobState.FAILED), True, JobState.FAILED),
        ((JobState.ABORTED, None), True, JobState.ABORTED),
        ((JobState.ABORTED, JobState.FAILED), True, JobState.FAILED),
    ],
)
def test_a_load_stands_where_its_parts_stand(states, has_ended, expected):
    """What is open, or at work, is more than what is over; a failure is more than what went well."""
    assert expected is ledger(*states, has_ended=has_ended).state


def test_a_token_makes_the_same_ledger():
    """What is done, where parts begin and end, and which jobs they have, comes back."""
    known = ledger(None, JobState.OPEN, has_ended=False)

    read = Ledger.of(known.token())

    assert known.token() == read.token()
    assert [part.state for part in known.load().parts] == [PartState.DONE, PartState.PREPARED]
    assert known.load() == read.load()
    assert known.end == read.end == THIRD
    assert known.counts == read.counts == RowCounts(created=9, failed=1)
    assert [record.start for record in read.parts] == [FIRST, SECOND]


def test_rows_are_counted_over_further_jobs():
    """What a job for rows that are tried again has not tried yet was tried by the one before."""
    known = ledger(JobState.COMPLETE)
    (record,) = known.parts

    record.begin_job(job(JobState.PROCESSING, processed=1, failed=1, number=2), 3)

    assert (8, 1) == (known.load().rows_processed, known.load().rows_failed)
    assert 2 == len(known.load().parts[0].job_ids)


def test_a_request_s_digest_is_of_what_is_written():
    """Which results are wanted changes nothing about the load; anything else makes it another one."""
    same = (replace(REQUEST, repeats_results=True), replace(REQUEST, object="LEAD"))
    others = (
        replace(REQUEST, operation=Operation.UPDATE),
        replace(REQUEST, object="Contact"),
        replace(REQUEST, commit=Commit.BY_CALL),
        replace(REQUEST, key_column=""),
        replace(REQUEST, assignment_rule_id="01Q000000000001AAA"),
    )

    assert {REQUEST.digest} == {request.digest for request in same}
    assert len({REQUEST.digest, *(request.digest for request in others)}) == len(others) + 1


def test_a_token_has_room_for_all_that_may_become_of_its_parts():
    """As many parts as a load takes, with digests and job ids that hardly compress, and one more is refused."""
    chance = random.Random(5)
    known = Ledger.new(REQUEST, org="prod", load_id="0123456789abcdef", now=0, limits=PartLimits())
    for _ in range(MAX_PARTS):
        start = known.end
        end = Position(
            start.part + 1, start.row + chance.randint(9_000, 1_000_000), start.byte + chance.getrandbits(27)
        )
        jobs = [f"7505f000{''.join(chance.choices(string.ascii_letters, k=7))}AAM" for _ in range(1 + MAX_RETRIES)]
        record = PartRecord(start, end, chance.randbytes(DIGEST_BYTES), jobs, chance.randint(1, 1_000_000))
        record.counts = RowCounts(*(chance.randint(0, 1_000_000) for _ in RowOutcome))
        record.job = job(JobState.COMPLETE)
        known.add(record)

    text = TokenSigner((SigningKey("k", b"k" * 32),)).write(known.token())

    assert len(text) <= MAX_LOAD_TOKEN_LENGTH
    with pytest.raises(errors.MessageTooLarge, match="600 parts"):
        known.add(PartRecord(known.end, known.end))


@pytest.mark.parametrize(("unknown", "told"), [(0, 5), (3, 6)])
def test_counts_are_told_as_before_where_all_outcomes_are_known(unknown, told):
    """Replicas of the version before read tokens of this one, but for those that tell what they do not know."""
    known = Ledger.new(REQUEST, org="prod", load_id="0", now=0, limits=PartLimits())
    record = PartRecord(Position(), Position(2, 10, 100), b"12345678", ["750"], 0)
    record.counts, record.job = RowCounts(created=7 - unknown, failed=3, unknown=unknown), job(JobState.COMPLETE)
    known.add(record)

    token = known.token()

    assert told == len(token.parts[0].counts or ())
    assert record.counts == Ledger.of(token).parts[0].counts


def test_a_token_says_that_results_were_told():
    """Whoever goes on by it must not have the rows tried again, also while the part's counts are not known."""
    known = ledger(JobState.COMPLETE)
    known.parts[0].counts = None
    known.parts[0].is_told = True

    read = Ledger.of(known.token())

    assert [True] == [record.is_told for record in read.parts]
    assert [None] == [record.counts for record in read.parts]
