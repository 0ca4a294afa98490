"""Errors of records: as the outcome of one of many, and under the paths that the request has for their fields."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_pb2 import RecordError

from service.errors import FieldViolation, SluicegateError
from service.orgs.node_errors import remade
from service.rpc.status import cut

_FIELDS = "fields."
_LONGEST_MESSAGE = 768
_LONGEST_FIELDS = 1_024
_LONGEST_CODE = 100
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
        salesforce_code=cut(error.metadata.get("salesforce_error_code", ""), _LONGEST_CODE),
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
        violations = tuple(FieldViolation(place(item.field), item.description) for item in error.violations)
        if violations == error.violations:
            raise
        raise remade(error, error.message, violations, {}) from error


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
