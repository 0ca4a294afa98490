"""Errors of records: as the outcome of one of many, and under the paths that the request has for their fields."""

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType

from google.protobuf.duration_pb2 import Duration
from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_pb2 import RecordError

from service.errors import FieldViolation, SluicegateError
from service.orgs.node_errors import remade
from service.orgs.refusals import FIELDS
from service.rpc.status import cut

_LONGEST_MESSAGE = 768
_LONGEST_FIELDS = 512
_LONGEST_CODE = 100
_LONGEST_METADATA = 448
"""Bytes of UTF-8. Two thousand errors of this size are below 4 MiB, above which gRPC's clients refuse an answer by
default: it would be lost after the records were written."""
_ENTRY = 8
"""More bytes than an entry of a map takes beside its key and value."""
_TOLD_ELSEWHERE = frozenset({"fields", "salesforce_error_code"})
"""Keys of metadata that have a field of their own in a RecordError."""


def to_record_error(error: SluicegateError) -> RecordError:
    """Return why one record of several was not written.

    Args:
        error: What became of it; a long text and a long list of fields are cut, and long facts left out.

    """
    delay = error.retry_after_seconds
    return RecordError(
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=cut(error.message, _LONGEST_MESSAGE),
        fields=_within(_fields(error), _LONGEST_FIELDS),
        salesforce_code=cut(error.metadata.get("salesforce_error_code", ""), _LONGEST_CODE),
        metadata=_facts(error.metadata),
        retry_delay=None if delay is None else _duration(delay),
    )


class relocating:  # noqa: N801 - it is read as a function; one of `contextlib` would cost each write a microsecond
    """Let errors name the fields as the caller wrote them.

    The error that was raised may be the outcome of other callers' records too, and is left as it is.

    Args:
        place: Returns the path in the request of what a single write calls `object`, `external_id.field`,
            `fields.LastName`.

    """

    __slots__ = ("_place",)

    def __init__(self, place: Callable[[str], str]) -> None:
        self._place = place

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Raise an error like the one that was raised, if its violations have other paths in the request."""
        if isinstance(error, SluicegateError):
            violations = tuple(FieldViolation(self._place(item.field), item.description) for item in error.violations)
            if violations != error.violations:
                raise remade(error, error.message, violations, {}) from error


def _fields(error: SluicegateError) -> Iterator[str]:
    """Yield the names of the fields at fault, each once: of the violations, or else of the metadata."""
    named = [item.field for item in error.violations if item.field.startswith(FIELDS)]
    names = [path.removeprefix(FIELDS).split(".")[0].split("[")[0] for path in named]
    listed = error.metadata.get("fields") or error.metadata.get("field", "")
    yield from dict.fromkeys(name for name in names or listed.split(",") if name)


def _facts(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata that has no field of its own, as far as there is room."""
    room = _LONGEST_METADATA
    facts = {}
    for key, value in metadata.items():
        size = len(key) + len(value.encode(errors="replace")) + _ENTRY
        if value and key not in _TOLD_ELSEWHERE and size <= room:
            room -= size
            facts[key] = cut(value, size)
    return facts


def _duration(seconds: float) -> Duration:
    delay = Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return delay


def _within(names: Iterator[str], longest: int) -> Iterator[str]:
    """Yield names until they have `longest` bytes."""
    room = longest
    for name in names:
        room -= len(name.encode(errors="replace")) + 2
        if room < 0:
            return
        yield cut(name, longest)
