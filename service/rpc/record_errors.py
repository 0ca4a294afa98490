"""Errors of records: as the outcome of one of many, and under the paths that the request has for their fields."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_pb2 import RecordError

from service.errors import FieldViolation, SluicegateError

_FIELDS = "fields."
_LONGEST_MESSAGE = 768
_LONGEST_FIELDS = 1_024
"""Bytes of UTF-8. Two thousand errors of this size are below 4 MiB, above which gRPC's clients refuse an answer by
default: it would be lost after the records were written."""


def to_record_error(error: SluicegateError) -> RecordError:
    """Return why one record of several was not written.

    Args:
        error: What became of it; a long text and a long list of fields are cut.

    """
    return RecordError(
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=cut(error.message, _LONGEST_MESSAGE),
        fields=_within(_fields(error), _LONGEST_FIELDS),
        salesforce_code=error.metadata.get("salesforce_error_code", ""),
    )


@contextmanager
def relocating(place: Callable[[str], str]) -> Iterator[None]:
    """Let errors name the fields as the caller wrote them.

    The error that was raised may be the outcome of other callers' records too, and is left as it is.

    Args:
        place: Returns the path in the request of what a single write calls `object`, `external_id.field`,
            `fields.LastName`.

    """
    try:
        yield
    except SluicegateError as error:
        violations = _moved(error, place)
        if violations == error.violations:
            raise
        raise _remade(error, error.message, {}, violations) from error


def of_node(
    error: SluicegateError, place: Callable[[str], str], *, name: str, index: int, count: int
) -> SluicegateError:
    """Return why a graph was refused before anything was asked of Salesforce.

    Args:
        error: The fault of one node; its paths are those of a single write.
        place: Returns the path in the request.
        name: The node's name.
        index: Its place in the request, from 0.
        count: How many nodes the request has.

    """
    facts = {"node": name, "node_index": str(index), "nodes": str(count)}
    return _remade(error, f"node {name!r}: {error.message}; nothing was written", facts, _moved(error, place))


def cut(text: str, longest: int) -> str:
    """Return the text, shortened to whole characters of at most `longest` bytes; a lone surrogate becomes `?`."""
    return text.encode(errors="replace")[:longest].decode(errors="ignore")


def _moved(error: SluicegateError, place: Callable[[str], str]) -> tuple[FieldViolation, ...]:
    return tuple(FieldViolation(place(item.field), item.description) for item in error.violations)


def _remade(
    error: SluicegateError, message: str, facts: dict[str, str], violations: Sequence[FieldViolation]
) -> SluicegateError:
    # Some classes take further arguments, which are in the metadata by now.
    made: SluicegateError = error.__class__.__new__(error.__class__)
    SluicegateError.__init__(
        made,
        message,
        metadata={**error.metadata, **facts},
        violations=violations,
        retry_after_seconds=error.retry_after_seconds,
    )
    return made


def _fields(error: SluicegateError) -> Iterator[str]:
    """Yield the names of the fields at fault, each once: of the violations, or else of the metadata."""
    named = [item.field for item in error.violations if item.field.startswith(_FIELDS)]
    names = [path.removeprefix(_FIELDS).split(".")[0].split("[")[0] for path in named]
    listed = error.metadata.get("fields") or error.metadata.get("field", "")
    yield from dict.fromkeys(name for name in names or listed.split(",") if name)


def _within(names: Iterator[str], longest: int) -> Iterator[str]:
    """Yield names until they have `longest` bytes."""
    room = longest
    for name in names:
        room -= len(name.encode(errors="replace")) + 2
        if room < 0:
            return
        yield cut(name, longest)
