"""Custom objects: the fields every one has, and the key prefixes they get.

Source: Salesforce Metadata API, "CustomObject"; Salesforce Object Reference, "System Fields".
"""

import itertools
import string
from collections.abc import Collection, Iterator, Sequence

from service.emulator.schema import Field, SObject
from service.emulator.schema.kinds import audit, deleted, lookup, owner, record_id

_DIGITS = string.digits + string.ascii_letters


def custom_object(
    name: str, label: str, label_plural: str, prefix: str, name_field: Field, fields: Sequence[Field]
) -> SObject:
    """Return the definition of a custom object.

    Args:
        name: API name, `Invoice__c`.
        label: Label.
        label_plural: Label of several.
        prefix: Its key prefix.
        name_field: The field `Name`.
        fields: Its custom fields. A master-detail field among them takes the owner away.

    """
    is_detail = any(field.type == "reference" and field.cascade_delete and not field.nillable for field in fields)
    owned = () if is_detail else (owner(("Group", "User")),)
    return SObject(
        name=name,
        label=label,
        label_plural=label_plural,
        key_prefix=prefix,
        fields=(record_id("Record ID"), *owned, deleted(), name_field, *audit(), *fields),
        custom=True,
        deep_cloneable=True,
        mru_enabled=False,
        scopes=(("everything", f"All {label_plural}"), ("mine", f"My {label_plural}")),
    )


def record_type_field() -> Field:
    """Return the field that an object with record types has."""
    return lookup("RecordTypeId", "Record Type ID", "RecordType", "RecordType", permissionable=False)


def free_prefixes(taken: Collection[str]) -> Iterator[str]:
    """Give out the key prefixes of custom objects, a00 to aZZ, without those taken."""
    for second, third in itertools.product(_DIGITS, _DIGITS):
        prefix = f"a{second}{third}"
        if prefix not in taken:
            yield prefix
