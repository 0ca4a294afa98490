"""Who calls and how much it matters, as the caller says in the metadata of its call."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.context import Priority
from service.errors import FieldViolation, InvalidRequest

CALLER = "sluicegate-caller"
PRIORITY = "sluicegate-priority"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_OF_METHODS: Mapping[str, Priority] = {"sluicegate.v1.BulkService/BulkLoad": Priority.BATCH}
"""What calls of a method are that say nothing, other than STANDARD."""


@dataclass(frozen=True, slots=True)
class Caller:
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
    given = [(key, value) for key, value in metadata if key in (CALLER, PRIORITY)]
    if not given:
        return default
    name, priority = default.name, default.priority
    said = dict(given)
    if len(said) < len(given):
        return _refused(default, given[0][0], "is said twice")
    if CALLER in said:
        name = str(said[CALLER])
        if _NAME.fullmatch(name) is None:
            wanted = "takes 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
            return _refused(default, CALLER, wanted)
    if PRIORITY in said:
        found = _PRIORITIES.get(str(said[PRIORITY]))
        if found is None:
            return _refused(default, PRIORITY, f"takes one of {', '.join(_PRIORITIES)}")
        priority = found
    return Caller(name, priority)


def _refused(default: Caller, key: str, problem: str) -> Caller:
    message = f"the metadata {key} {problem}"
    return Caller(
        default.name,
        default.priority,
        InvalidRequest(message, violations=[FieldViolation(f"metadata.{key}", problem)]),
    )
