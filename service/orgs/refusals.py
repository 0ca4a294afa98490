"""What a description finds wrong with a request, as one error that says all of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from service.errors import (
    FieldNotWriteable,
    FieldViolation,
    InvalidArgument,
    InvalidFieldValue,
    InvalidRequest,
    RequiredFieldMissing,
    UnknownField,
)

FIELDS = "fields."
"""What comes before a field's name in the path of its value."""
KEY_FIELD, KEY_VALUE, RECORD_ID = "external_id.field", "external_id.value", "record.id"

GivenAs: TypeAlias = Callable[[str], tuple[str, str]]
"""Where a request has the field of a name, and what it is there, for people; empty if they know it by that name."""

_MOST_NAMED = 5
"""Fields that a message names beside the one that it explains."""

_KINDS = (UnknownField, InvalidRequest, FieldNotWriteable, RequiredFieldMissing, InvalidFieldValue)
_RANKS: Mapping[type[InvalidArgument], int] = {kind: rank for rank, kind in enumerate(_KINDS)}
"""Which of several faults an error is of: the one that Salesforce would name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; it never says which value was given."""

    kind: type[InvalidArgument]
    problem: str
    """A sentence that names the field and what would be right."""
    name: str = ""
    """The name that does not exist, as the caller spelled it."""
    nearest: str = ""
    """The name that was probably meant."""


def unknown_name(sobject: str, name: str, nearest: str, what: str = "field") -> Fault:
    """Return the fault of a name that an sObject does not have.

    Args:
        sobject: API name of the sObject.
        name: The name as the caller spelled it.
        nearest: The name that was probably meant; empty if none is near.
        what: What it was to be the name of.

    """
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return Fault(UnknownField, f"{sobject} has no {what} {name!r}{hint}", name, nearest)


def refusal(sobject: str, faults: Sequence[tuple[str, Fault]], given_as: GivenAs | None = None) -> InvalidArgument:
    """Return the error of a request that has faults; its class is that of the gravest, whatever their order.

    Args:
        sobject: API name of the sObject.
        faults: What is wrong, by path in the request; at least one.
        given_as: Where fields are, if not at their paths.

    """
    ordered = sorted(faults, key=lambda each: (_RANKS[each[1].kind], each[0]))
    paths = [path for path, _ in ordered]
    if given_as is not None:
        for index, (path, fault) in enumerate(ordered):
            if path.startswith(FIELDS):
                paths[index], what = given_as(path.removeprefix(FIELDS))
                ordered[index] = (path, replace(fault, problem=f"{what}: {fault.problem}" if what else fault.problem))
    first = ordered[0][1]
    metadata = {"object": sobject}
    names = [path.removeprefix(FIELDS) for path, _ in ordered if path.startswith(FIELDS)]
    if names:
        metadata["fields"] = ",".join(names)
    if first.name:
        metadata["field"] = first.name
    if first.nearest:
        metadata["nearest"] = first.nearest
    violations = [FieldViolation(path, fault.problem) for path, (_, fault) in zip(paths, ordered, strict=True)]
    return first.kind(first.problem + _also(names, ordered[0][0]), metadata=metadata, violations=violations)


def _also(names: Sequence[str], first: str) -> str:
    """Return what a message says of the fields that are at fault beside the first path's; the violations say it all."""
    others = [name for name in names if f"{FIELDS}{name}" != first]
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return f"; also at fault: {', '.join(others[:_MOST_NAMED])}{more}" if others else ""
