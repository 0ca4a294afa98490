"""Outcomes of requests as bytes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.errors import FieldViolation, SluicegateError
from service.request_ids import outcome
from service.request_ids.outcome import Answer, Failure

TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates included."""


def leaves(kind: type[SluicegateError] = SluicegateError) -> list[type[SluicegateError]]:
    """Return the classes of errors that no other class of the service refines."""
    below = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
    return [leaf for sub in below for leaf in leaves(sub)] if below else [kind]


def made(kind: type[SluicegateError], message: str = "m", **facts) -> SluicegateError:
    """Return an error of a class, whatever its constructor takes."""
    error = kind.__new__(kind)
    SluicegateError.__init__(error, message, **facts)
    return error


FORGOTTEN: set[type[SluicegateError]] = {
    errors.UpstreamUnavailable,
    errors.ShuttingDown,
    errors.SharedStoreUnavailable,
    errors.ShortLinkUnavailable,
    errors.DailyLimitExceeded,
    errors.CallerQuotaExceeded,
    errors.ConcurrencyLimitExceeded,
    errors.AllocationExceeded,
    errors.QueueFull,
    errors.RowLocked,
    errors.OrgAuthenticationFailed,
    errors.AccessDenied,
}
UNCERTAIN: set[type[SluicegateError]] = {errors.DeadlineExceeded, errors.UpstreamProtocolError}
KEPT: set[type[SluicegateError]] = {*leaves()} - FORGOTTEN - UNCERTAIN
REMEMBERABLE: list[type[SluicegateError]] = sorted(KEPT | FORGOTTEN, key=lambda kind: kind.reason)


@given(st.binary())
def test_an_answer_survives(content):
    """The bytes of an answer come back as they were."""
    found = outcome.decode(outcome.encode(Answer(content)))

    assert content == found.give()


@given(
    st.sampled_from(REMEMBERABLE),
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.lists(st.tuples(TEXT, TEXT), max_size=3),
    st.none() | st.floats(0, 1e6),
)
def test_a_failure_survives(kind, message, metadata, violations, retry_after_seconds):
    """The error that is raised again is of the same class and says the same, lone surrogates aside."""
    error = made(
        kind,
        message,
        metadata=metadata,
        violations=[FieldViolation(*pair) for pair in violations],
        retry_after_seconds=retry_after_seconds,
    )

    found = outcome.decode(outcome.encode(outcome.of_error(error)))
    with pytest.raises(SluicegateError) as raised:
        found.give()

    again = raised.value
    assert (kind, error.code, error.reason) == (type(again), again.code, again.reason)
    assert (message.encode(errors="replace").decode(), retry_after_seconds) == (
        str(again),
        again.retry_after_seconds,
    )
    if all(name.isascii() for name in metadata):
        assert list(metadata) == list(again.metadata)
    assert len(violations) == len(again.violations)


def test_each_caller_gets_an_error_of_its_own():
    """Exceptions collect tracebacks, so that one must not be raised to many."""
    found = outcome.of_error(errors.RecordNotFound("gone"))

    raised = []
    for _ in range(2):
        with pytest.raises(errors.RecordNotFound) as caught:
            found.give()
        raised.append(caught.value)

    assert raised[0] is not raised[1]


@pytest.mark.parametrize("kind", [kind for kind in REMEMBERABLE if kind in KEPT])
def test_definite_failures_are_remembered(kind):
    """A repeat meets the same refusal without asking Salesforce."""
    found = outcome.of_error(made(kind))

    assert (kind.reason, True) == (found.reason, found.is_lasting)


@pytest.mark.parametrize("kind", [kind for kind in REMEMBERABLE if kind in FORGOTTEN])
def test_failures_that_wrote_nothing_are_not(kind):
    """What may pass is tried again by a repeat."""
    found = outcome.of_error(made(kind))

    assert (kind.reason, False) == (found.reason, found.is_lasting)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.DeadlineExceeded("late", metadata={"org": "prod"}), "ran out of time"),
        (errors.UpstreamProtocolError("what?", metadata={"org": "prod"}), "no answer that can be understood"),
        (errors.InternalError("oops", metadata={"org": "prod"}), "no answer that can be understood"),
    ],
)
def test_what_may_have_written_is_unknown(error, said):
    """A repeat must not write again what may be there; the org is told."""
    found = outcome.of_error(error)

    assert ("OUTCOME_UNKNOWN", True, {"org": "prod"}) == (found.reason, found.is_lasting, found.metadata)
    assert said in found.message


@pytest.mark.parametrize(
    ("error", "said"), [(asyncio.CancelledError(), "was cut off"), (KeyError("secret"), "met an unexpected error")]
)
def test_what_is_no_error_of_ours_is_unknown_and_not_quoted(error, said):
    """Exceptions of the program tell callers nothing."""
    found = outcome.of_error(error)

    assert "OUTCOME_UNKNOWN" == found.reason
    assert said in found.message
    assert "secret" not in found.message


@given(st.binary())
def test_bytes_that_hold_no_outcome_are_refused(content):
    """Whatever a store holds, it is an outcome or a ValueError."""
    try:
        found = outcome.decode(content)
    except ValueError:
        return

    assert isinstance(found, Answer | Failure)


def test_a_reason_of_another_version_is_refused():
    """A failure whose class is not known cannot be raised."""
    content = outcome.encode(Failure("NOT_INVENTED_YET", "m", {}, [], None))

    with pytest.raises(ValueError, match="another version"):
        outcome.decode(content)
