"""A cheap check that knows most good messages at once, so that the full one is left for the doubtful.

It is derived from the rules in the contract, and says yes only where protovalidate would find nothing. A rule it does
not know makes every message in which the rule matters doubtful, so that a rule added to the contract cannot be passed
over; protovalidate alone decides what is wrong, and words it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from service.rpc.plain_values import Check, Pattern, ValueChecks, never

_Rules = Mapping[str, Any]

_FIELD, _MESSAGE, _ONEOF = (
    validate_pb2.field,
    validate_pb2.message,
    validate_pb2.oneof,
)


class PlainChecks:
    """Makes the cheap checks of messages. What it makes may run in any thread.

    Args:
        largest: How many bytes the messages have at most: rules that none of them could break are left out.

    """

    def __init__(self, largest: int) -> None:
        self._values = ValueChecks(largest)
        self._made: dict[str, Check | None] = {}

    def of(self, message: type[Message], unread: str = "") -> Check:
        """Return the function that tells whether a message certainly keeps every rule of the contract.

        True means that protovalidate finds nothing; False means nothing but doubt.

        Args:
            message: The message's type.
            unread: Name of a map in it whose values are left out: whoever reads them checks them by then.

        """
        descriptor = cast("Descriptor", message.DESCRIPTOR)
        if unread:
            return _all(self._steps(descriptor, unread))
        return self._message(descriptor) or _always

    def _message(self, descriptor: Descriptor) -> Check | None:
        """Return the check of a message's type; None if nothing in it has a rule."""
        name = descriptor.full_name
        if name in self._made:
            return self._made[name]
        steps: list[Check] = []
        check = _all(steps)
        # Whoever meets the type again while its steps are found, as values that hold values do, gets the check itself.
        self._made[name] = check
        steps += self._steps(descriptor)
        self._made[name] = made = check if len(steps) > 1 else steps[0] if steps else None
        return made

    def _steps(self, descriptor: Descriptor, unread: str = "") -> list[Check]:
        if _rules(descriptor.GetOptions().Extensions[_MESSAGE]) != {}:
            return [never]
        oneofs = [oneof for oneof in descriptor.oneofs if not _is_synthetic(oneof)]
        members = {field.name for oneof in oneofs for field in oneof.fields}
        alone = [
            self._unread(field) if field.name == unread else self._field(field)
            for field in descriptor.fields
            if field.name not in members
        ]
        return [step for step in (*alone, *map(self._oneof, oneofs)) if step is not None]

    def _oneof(self, oneof: OneofDescriptor) -> Check | None:
        rules = _rules(oneof.GetOptions().Extensions[_ONEOF])
        if rules is None or rules.keys() - {"required"}:
            return never
        of_members = {field: _field_rules(field) for field in oneof.fields}
        if any(found is None or "required" in found for found in of_members.values()):
            # A required member forbids all others.
            return never
        checks = {field.name: self._value(field, found) for field, found in of_members.items()}
        bound = {member: check for member, check in checks.items() if check is not None}
        free: set[str | None] = {member for member, check in checks.items() if check is None}
        if not rules.get("required"):
            free.add(None)
            if not bound:
                return None
        return _Choice(oneof, free, bound)

    def _field(self, field: FieldDescriptor) -> Check | None:
        """Return the check of a field that is no member of a oneof."""
        rules = _field_rules(field)
        name = field.name
        is_required = bool(rules and rules.get("required"))
        value = self._value(field, {key: rule for key, rule in rules.items() if key != "required"} if rules else rules)
        if field.has_presence:
            return _present(field, value, is_required=is_required)
        if value is None:
            return (lambda message: bool(getattr(message, name))) if is_required else None
        if is_required:
            return lambda message: bool(found := getattr(message, name)) and value(found)
        return lambda message: value(getattr(message, name))

    def _value(self, field: FieldDescriptor, rules: _Rules | None) -> Check | None:
        """Return the check of what a field holds: of each value, if it holds several; None if it has no rules."""
        known = _kind(rules)
        if known is None:
            return never
        kind, kind_rules = known
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return self._map(message, kind_rules) if kind in ("", "map") else never
        if field.is_repeated:
            return self._repeated(field, kind_rules) if kind in ("", "repeated") else never
        return self._single(field, kind, kind_rules)

    def _single(self, field: FieldDescriptor, kind: str, rules: _Rules) -> Check | None:
        value = self._values.of(kind, rules, field) if kind else None
        inner = self._message(field.message_type) if field.message_type is not None else None
        if value is None or inner is None:
            return value or inner
        return lambda found: value(found) and inner(found)

    def _element(self, field: FieldDescriptor, rules: Any) -> Check | None:
        """Return the check of one value of several, whose rules stand within the rules of them all."""
        known = _kind(_rules(rules) if rules is not None else {})
        return never if known is None else self._single(field, *known)

    def _repeated(self, field: FieldDescriptor, rules: _Rules) -> Check | None:
        if rules.keys() - {"min_items", "max_items", "items"}:
            return never
        item = self._element(field, rules.get("items"))
        if item is None and not rules:
            return None
        least, most = rules.get("min_items", 0), rules.get("max_items", math.inf)

        def check(values: Any) -> bool:
            if not least <= len(values) <= most:
                return False
            if item is not None:
                for value in values:
                    if not item(value):
                        return False
            return True

        return check

    def _unread(self, field: FieldDescriptor) -> Check | None:
        """Return the check of a map but for its values, of which the map has no rules."""
        known = _kind(_field_rules(field))
        entry, name = field.message_type, field.name
        if entry is None or known is None or known[0] != "map" or "values" in known[1]:
            return never
        check = self._map(entry, known[1], is_read=False)
        return None if check is None else lambda message: check(getattr(message, name))

    def _map(self, entry: Descriptor, rules: _Rules, *, is_read: bool = True) -> Check | None:
        if rules.keys() - {"min_pairs", "max_pairs", "keys", "values"}:
            return never
        keys = _of_keys(self._element(entry.fields_by_name["key"], rules.get("keys")))
        value = self._element(entry.fields_by_name["value"], rules.get("values")) if is_read else None
        values = _of_values(value)
        if not rules and values is _always:
            return None
        least, most = rules.get("min_pairs", 0), rules.get("max_pairs", math.inf)
        return lambda pairs: least <= len(pairs) <= most and keys(pairs) and values(pairs)


def _all(steps: Sequence[Check]) -> Check:
    """Return the check that makes every step."""

    def check(message: Any) -> bool:
        # No `all`: a generator costs more than most steps.
        for step in steps:  # noqa: SIM110
            if not step(message):
                return False
        return True

    return check


def _of_keys(key: Check | None) -> Check:
    """Return the check of all keys of a map."""
    if key is None:
        return _always
    known: set[str] = key.remembered if isinstance(key, Pattern) else set()
    # Most callers use the same names all day.
    return lambda pairs: known.issuperset(pairs) or all(map(key, pairs))


def _of_values(value: Check | None) -> Check:
    """Return the check of all values of a map."""
    if value is None:
        return _always
    if isinstance(value, _Choice):
        return value.of_all

    def check(pairs: Any) -> bool:
        # `values()` of such a map is written in Python, and takes longer.
        for name in pairs:  # noqa: SIM110
            if not value(pairs[name]):
                return False
        return True

    return check


class _Choice:
    """The check of a oneof.

    Args:
        oneof: The oneof.
        free: Members whose values have no rules; None among them if there may be no member at all.
        bound: The checks of the other members.

    """

    __slots__ = ("_bound", "_free", "_name", "_which")

    def __init__(self, oneof: OneofDescriptor, free: AbstractSet[str | None], bound: Mapping[str, Check]) -> None:
        # As in `_present`.
        self._which: Callable[[Any, str], str | None] = GetMessageClass(oneof.containing_type).WhichOneof
        self._name = oneof.name
        self._free = free
        self._bound = bound

    def __call__(self, message: Any) -> bool:
        """Tell whether the member that a message has certainly keeps its rules."""
        member = self._which(message, self._name)
        return member in self._free or self._keeps(message, member)

    def of_all(self, pairs: Any) -> bool:
        """Tell it of each value of a map, with one call fewer for each."""
        which, name, free = self._which, self._name, self._free
        for key in pairs:
            message = pairs[key]
            member = which(message, name)
            if member not in free and not self._keeps(message, member):
                return False
        return True

    def _keeps(self, message: Any, member: str | None) -> bool:
        return member is not None and member in self._bound and self._bound[member](getattr(message, member))


def _present(field: FieldDescriptor, value: Check | None, *, is_required: bool) -> Check | None:
    """Return the check of a field that can be absent."""
    name = field.name
    assert field.containing_type is not None
    # To look a method up in a message takes as long as to call it.
    has: Callable[[Any, str], bool] = GetMessageClass(field.containing_type).HasField
    if value is None:
        return (lambda message: has(message, name)) if is_required else None
    if is_required:
        return lambda message: has(message, name) and value(getattr(message, name))
    return lambda message: not has(message, name) or value(getattr(message, name))


def _field_rules(field: FieldDescriptor) -> _Rules | None:
    return _rules(field.GetOptions().Extensions[_FIELD])


def _rules(rules: Any) -> _Rules | None:
    """Return rules by name; None if some are not even known by name."""
    if len(UnknownFieldSet(rules)):
        return None
    return {field.name: value for field, value in rules.ListFields()}


def _kind(rules: _Rules | None) -> tuple[str, _Rules] | None:
    """Return the kind of values that rules are for, and the rules; None if there is anything beside them."""
    if not rules:
        return None if rules is None else ("", {})
    ((name, found), *others) = rules.items()
    known = _rules(found) if isinstance(found, Message) else None
    return None if others or known is None else (name, known)


def _is_synthetic(oneof: OneofDescriptor) -> bool:
    """Tell whether a oneof only stands for `optional` (Protocol Buffers, "Field Presence")."""
    return len(oneof.fields) == 1 and f"_{oneof.fields[0].name}" == oneof.name


def _always(_value: Any) -> bool:
    return True
