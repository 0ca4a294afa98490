"""A cheap check that knows most good messages at once, so that the full one is left for the doubtful.

It is derived from the rules in the contract, and says yes only where protovalidate would find nothing. A rule it does
not know makes every message in which the rule matters doubtful, so that a rule added to the contract cannot be passed
over; protovalidate alone decides what is wrong, and words it.
"""

import math
from collections.abc import Callable, Mapping
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

    def of(self, message: type[Message]) -> Check:
        """Return the function that tells whether a message certainly keeps every rule of the contract.

        True means that protovalidate finds nothing; False means nothing but doubt.

        Args:
            message: The message's type.

        """
        return self._message(cast("Descriptor", message.DESCRIPTOR)) or _always

    def _message(self, descriptor: Descriptor) -> Check | None:
        """Return the check of a message's type; None if nothing in it has a rule."""
        name = descriptor.full_name
        if name in self._made:
            return self._made[name]
        steps: list[Check] = []

        def check(message: Any) -> bool:
            # No `all`: a generator costs more than most steps.
            for step in steps:  # noqa: SIM110
                if not step(message):
                    return False
            return True

        # Whoever meets the type again while its steps are found, as values that hold values do, gets the check itself.
        self._made[name] = check
        steps += self._steps(descriptor)
        self._made[name] = made = check if len(steps) > 1 else steps[0] if steps else None
        return made

    def _steps(self, descriptor: Descriptor) -> list[Check]:
        if _rules(descriptor.GetOptions().Extensions[_MESSAGE]) != {}:
            return [never]
        oneofs = [oneof for oneof in descriptor.oneofs if not _is_synthetic(oneof)]
        members = {field.name for oneof in oneofs for field in oneof.fields}
        alone = [self._field(field) for field in descriptor.fields if field.name not in members]
        return [step for step in (*alone, *map(self._oneof, oneofs)) if step is not None]

    def _oneof(self, oneof: OneofDescriptor) -> Check | None:
        rules = _rules(oneof.GetOptions().Extensions[_ONEOF])
        if rules is None or rules.keys() - {"required"}:
            return never
        of_members = {field: _field_rules(field) for field in oneof.fields}
        if any(found is None or "required" in found for found in of_members.values()):
            # A required member forbids all others.
            return never
        name = oneof.name
        checks = {field.name: self._value(field, found) for field, found in of_members.items()}
        bound = {member: check for member, check in checks.items() if check is not None}
        free: set[str | None] = {member for member, check in checks.items() if check is None}
        if not rules.get("required"):
            free.add(None)
            if not bound:
                return None

        # As in `_present`.
        which: Callable[[Any, str], str | None] = GetMessageClass(oneof.containing_type).WhichOneof

        def check(message: Any) -> bool:
            member = which(message, name)
            return member in free or (member in bound and bound[member](getattr(message, member)))

        return check

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

    def _map(self, entry: Descriptor, rules: _Rules) -> Check | None:
        if rules.keys() - {"min_pairs", "max_pairs", "keys", "values"}:
            return never
        keys = _of_keys(self._element(entry.fields_by_name["key"], rules.get("keys")))
        values = _of_values(self._element(entry.fields_by_name["value"], rules.get("values")))
        if not rules and values is _always:
            return None
        least, most = rules.get("min_pairs", 0), rules.get("max_pairs", math.inf)
        return lambda pairs: least <= len(pairs) <= most and keys(pairs) and values(pairs)


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

    def check(pairs: Any) -> bool:
        # `values()` of such a map is written in Python, and takes longer.
        for name in pairs:  # noqa: SIM110
            if not value(pairs[name]):
                return False
        return True

    return check


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
