"""Who calls and how much it matters, as the caller says in the metadata of its call."""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from service.context import Priority
from service.errors import FieldViolation, InvalidRequest

CALLER = "sluicegate-caller"
PRIORITY = "sluicegate-priority"
_KEYS = frozenset((CALLER, PRIORITY))

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_WANTED = "takes 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_OF_METHODS: Mapping[str, Priority] = {
    f"sluicegate.v1.BulkService/{method}": Priority.BATCH
    for method in ("BulkLoad", "StartBulkLoad", "UploadBulkLoadPart", "CommitBulkLoad", "ListBulkLoadResults")
}
"""What calls of a method are that say nothing, other than STANDARD."""


class Caller(Struct, frozen=True):
    """What a call's metadata says."""

    name: str
    """Empty if it says nothing."""
    priority: Priority
    fault: InvalidRequest | None = None
    """Why the call is to be refused; None if it is not."""

    def check(self) -> None:
        """Refuse a call whose metadata cannot be read.

        Raises:
            InvalidRequest: It cannot; the violation names the key.

        """
        if self.fault is not None:
            raise self.fault


def default_caller(method: str) -> Caller:
    """Return what a call of a method is that says nothing.

    Args:
        method: Fully qualified, `sluicegate.v1.RecordService/UpsertRecord`.

    """
    return Caller("", _OF_METHODS.get(method, Priority.STANDARD))


def caller_of(metadata: Iterable[tuple[str, str | bytes]], default: Caller) -> Caller:
    """Return who calls and how urgently: by `sluicegate-caller` and `sluicegate-priority`, each at most once.

    Args:
        metadata: What the caller sent along, keys in lower case.
        default: What holds for what it does not say.

    """
    name, priority = default.name, default.priority
    said: tuple[str, ...] = ()
    # One pass: nearly all calls say nothing, and each of them pays for the look.
    for key, value in metadata:
        if key not in _KEYS:
            continue
        if key in said:
            return _refused(default, key, "is said twice")
        said = (*said, key)
        if key == CALLER:
            name = str(value)
            if _NAME.fullmatch(name) is None:
                return _refused(default, key, _WANTED)
        else:
            found = _PRIORITIES.get(str(value))
            if found is None:
                return _refused(default, key, f"takes one of {', '.join(_PRIORITIES)}")
            priority = found
    return Caller(name, priority) if said else default


def _refused(default: Caller, key: str, problem: str) -> Caller:
    message = f"the metadata {key} {problem}"
    return Caller(
        default.name,
        default.priority,
        InvalidRequest(message, violations=[FieldViolation(f"metadata.{key}", problem)]),
    )
