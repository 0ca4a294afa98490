"""What a description tells about a write before it is sent: its faults, its key, and the records it locks."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from service.errors import FieldNotWriteable, InvalidFieldValue, UnknownField
from service.orgs.field_rules import lookup_check, missing, value_check
from service.orgs.key_fields import KeyField, key_field, no_key, other_key
from service.orgs.nearest import NearestNames
from service.orgs.parents import canonical_id, is_long_id, parent_key
from service.orgs.record_keys import folded
from service.orgs.refusals import FIELDS, KEY_FIELD, KEY_VALUE, RECORD_ID, Fault, refusal, unknown_name
from service.orgs.value_checks import Check
from service.salesforce.calls.describe import SObject
from service.salesforce.calls.writes import JsonValue, Operation, Write

_SPELLINGS = 2
_MOST_KEY_SPELLINGS = 64
_MOST_HINTS = 8
"""Faults of a write beyond which names are not held against those that there are: that costs more than all else."""
_REFERENCE = "reference"
_NO_PARENTS = frozenset({"ownerid", "recordtypeid"})
_ID, _ATTRIBUTES = "id", "attributes"
_RESERVED = {
    _ATTRIBUTES: Fault(UnknownField, "attributes is no field of any object; leave it out", _ATTRIBUTES),
    _ID: Fault(FieldNotWriteable, "Id is given by Salesforce; leave it out"),
}
"""Names that no record may set, in lower case."""

Faults = list[tuple[str, Fault]]
"""What is wrong with a write, and where."""


class Examined(Struct, frozen=True, gc=False):
    """What is known of a write that has no fault."""

    sobject: str
    """API name as Salesforce spells it."""
    key: str
    """Equal for writes that Salesforce takes for writes of one record; empty for a creation."""
    parents: tuple[str, ...]
    """The records that the write locks besides its own; they compare with each other and with keys."""
    numeric_key: bool
    """Whether the external-id field holds numbers, which JSON writes without quotes."""
    repeated: str
    """The name of the value that is the external id once more; empty if none is."""


class WriteRules:
    """The rules for writes of one sObject. What a field needs is worked out when the first record has it.

    Args:
        description: The sObject.

    """

    def __init__(self, description: SObject) -> None:
        self.description = description
        """What the rules were made of."""
        self._checks: dict[Operation, dict[str, Check]] = {operation: {} for operation in Operation}
        self._spelled: dict[Operation, dict[str, Check]] = {operation: {} for operation in Operation}
        # Names come from callers, who may spell one in ever new ways.
        self._most_spellings = _SPELLINGS * (len(description.fields) + len(description.relationships))
        self._keys: dict[str, KeyField] = {}
        self._required = required_fields(description)
        self._near_fields: NearestNames | None = None
        self._near_relationships: NearestNames | None = None

    @staticmethod
    @lru_cache(maxsize=512)
    def unknown(sobject: str) -> "WriteRules":
        """Return the rules for an sObject of which nothing is known: they refuse what no sObject takes.

        Args:
            sobject: API name, in any case.

        """
        return _UndescribedRules(sobject)

    @property
    def name(self) -> str:
        """API name of the sObject as Salesforce spells it."""
        return self.description.name

    @property
    def near_fields(self) -> NearestNames:
        """Finds the field that a misspelt name was probably meant for; made once, when it is first asked for."""
        if self._near_fields is None:
            self._near_fields = NearestNames(field.name for field in self.description.fields.values())
        return self._near_fields

    def examine(self, write: Write) -> Examined:
        """Refuse a write that Salesforce would refuse for certain, or say what else is known of it.

        What differs from org to org is left to Salesforce: e-mail addresses, inactive picklist values, rounding. One
        thing is not: a trigger that runs before records are saved could supply a required field or shorten a text, and
        here the record that lacks the one or exceeds the other is refused all the same.

        Raises:
            InvalidArgument: Of the class of the gravest fault. The violations name all of them, at `fields.<name>` in
                the caller's spelling, `external_id.field`, `external_id.value` or `record.id`; no text repeats a value.

        """
        faults: Faults = []
        key, record_key = write.key, write.record_id
        finder = None if key is None else self._keys.get(key.field) or self._key_field(key.field, faults)
        parents, repeated = self._parents(write, finder, faults)
        if write.operation is Operation.CREATE:
            self._find_missing(write.values, faults)
        if record_key and not record_key.startswith(self.description.key_prefix):
            faults.append((RECORD_ID, self._other_object()))
        if finder is not None and key is not None:
            record_key = finder.key(key.value)
            fault = finder.fault(key.value, write.operation)
            if fault is not None:
                faults.append((KEY_VALUE, fault))
        if faults:
            raise refusal(write.sobject, faults)
        return Examined(self.description.name, record_key, parents, finder is not None and finder.is_number, repeated)

    def _parents(self, write: Write, finder: KeyField | None, faults: Faults) -> tuple[tuple[str, ...], str]:
        """Return the records that the values lock and which value is the external id, and add what is wrong."""
        operation = write.operation
        checks = self._spelled[operation]
        of_key, repeated = None, ""
        if finder is not None:
            of_key = checks.get(finder.field.name) or self._check(operation, finder.field.name)
        parents: list[str] = []
        found: Fault | str | None
        for name, value in write.values.items():
            check = checks.get(name) or self._check(operation, name)
            if check is None:
                found = self._unknown(name, value, is_hinted=len(faults) < _MOST_HINTS)
            elif check is of_key and finder is not None and write.key is not None:
                repeated = name
                found = None if finder.repeats(value, write.key.value) else other_key(name)
            else:
                found = check(value)
            if found is not None:
                if isinstance(found, str):
                    parents.append(found)
                else:
                    faults.append((FIELDS + name, found))
        return tuple(parents), repeated

    def _check(self, operation: Operation, name: str) -> Check | None:
        """Return the check of a field or relationship in any spelling: for one field always the same one."""
        lower = name.lower()
        check = self._checks[operation].get(lower)
        if check is None:
            check = self._made_check(operation, lower)
            if check is None:
                return None
            self._checks[operation][lower] = check
        spelled = self._spelled[operation]
        if len(spelled) < self._most_spellings:
            spelled[name] = check
        return check

    def _made_check(self, operation: Operation, lower: str) -> Check | None:
        field, lookup = self.description.fields.get(lower), self.description.relationships.get(lower)
        by_value = value_check(field, operation) if field is not None else None
        if lookup is None or lookup.type != _REFERENCE:
            return by_value
        by_key = lookup_check(lookup, operation)
        if by_value is None:
            return by_key
        return lambda value: by_key(value) if isinstance(value, Mapping) else by_value(value)

    def _unknown(self, name: str, value: JsonValue, *, is_hinted: bool) -> Fault:
        if isinstance(value, Mapping):
            if self._near_relationships is None:
                lookups = [field for field in self.description.relationships.values() if field.type == _REFERENCE]
                self._near_relationships = NearestNames(field.relationshipName or field.name for field in lookups)
            near, what = self._near_relationships, "relationship"
        else:
            near, what = self.near_fields, "field"
        return unknown_name(self.name, name, near.find(name) if is_hinted else "", what)

    def _key_field(self, name: str, faults: Faults) -> KeyField | None:
        found = key_field(self.description, name)
        if found is None:
            faults.append((KEY_FIELD, no_key(self.description, name)))
        elif len(self._keys) < _MOST_KEY_SPELLINGS:
            self._keys[name] = found
        return found

    def _other_object(self) -> Fault:
        """Return the fault of an id of another sObject, whose record a deletion in a call for several would delete."""
        prefix = self.description.key_prefix
        return Fault(InvalidFieldValue, f"the id is none of {self.name}, whose ids begin with {prefix}")

    def _find_missing(self, values: Mapping[str, JsonValue], faults: Faults) -> None:
        """Add the required fields that a new record lacks; one that is null is a fault already."""
        for field, relationship in self._required:
            if field not in values and relationship not in values:
                wanted = {field.lower(), relationship.lower()}
                if not any(name.lower() in wanted for name in values):
                    faults.append((FIELDS + field, missing(field)))


class _UndescribedRules(WriteRules):
    """The rules for an sObject of which only the name is known."""

    def __init__(self, sobject: str) -> None:
        super().__init__(SObject(sobject, {}, {}))

    def examine(self, write: Write) -> Examined:
        """Refuse what no sObject takes, or say what a write may lock."""
        faults: Faults = []
        parents: list[str | None] = []
        key, repeated = write.key, ""
        key_name = key.field.lower() if key is not None else ""
        for name, value in write.values.items():
            lower = name.lower()
            if lower in _RESERVED and not (
                lower == _ID and (value is None or value == "") and write.operation is not Operation.UPDATE
            ):
                faults.append((FIELDS + name, _RESERVED[lower]))
            elif lower == key_name and key is not None:
                repeated = name
                if value is None or folded(str(value)) != folded(key.value):
                    faults.append((FIELDS + name, other_key(name)))
            elif isinstance(value, Mapping):
                parents.append(parent_key(value, lower))
            elif isinstance(value, str) and _may_be_parent(lower, value):
                parents.append(canonical_id(value))
        if faults:
            raise refusal(write.sobject, faults)
        record_key = write.record_id if key is None else f"{write.sobject.lower()}.{key_name}:{folded(key.value)}"
        locked = tuple(parent for parent in parents if parent is not None)
        return Examined(write.sobject, record_key, locked, False, repeated)


def _may_be_parent(name: str, value: str) -> bool:
    """Tell whether a text may be the id of a record that is locked with this one."""
    return name.endswith(("id", "__c")) and name not in _NO_PARENTS and not name.endswith("byid") and is_long_id(value)


def required_fields(description: SObject) -> tuple[tuple[str, str], ...]:
    """Return each field without which no record is created, and the name by which it may be looked up instead."""
    fields = description.fields
    name, last_name = fields.get("name"), fields.get("lastname")
    # Where people are accounts, an account has the one or the other, and each is described as required.
    either = {"name", "lastname"} if name and last_name and name.createable and last_name.createable else set()
    return tuple(
        (field.name, field.relationshipName or field.name)
        for lower, field in fields.items()
        if field.is_required and lower not in either
    )
