"""The records that a write locks besides its own: those that its lookups lead to."""

from collections.abc import Mapping
from functools import lru_cache

from service.orgs.record_keys import folded
from service.salesforce.calls.describe import Field
from service.salesforce.ids import to_18

_LONG = 18
_LENGTHS = frozenset({15, _LONG})
_UNLOCKED = frozenset(
    {
        "BusinessHours",
        "BusinessProcess",
        "CallCenter",
        "CurrencyType",
        "EmailTemplate",
        "Group",
        "Network",
        "Organization",
        "Profile",
        "Queue",
        "RecordType",
        "User",
        "UserRole",
    }
)
"""Records of the setup, which writing what belongs to them does not lock."""


def locks_parent(field: Field) -> bool:
    """Tell whether writing a record locks the record that its lookup leads to."""
    return not field.referenceTo or not _UNLOCKED.issuperset(field.referenceTo)


def parent_key(lookup: Mapping[str, str], origin: str) -> str | None:
    """Return a parent that is given by external id, in the form of a record's key; None if no external id is there.

    Args:
        lookup: The external id by its field; `type` is skipped.
        origin: The parent's sObject, or the relationship where it is not known.

    """
    for name, value in lookup.items():
        if name != "type":
            lower = name.lower()
            return canonical_id(value) or value if lower == "id" else f"{origin.lower()}.{lower}:{folded(value)}"
    return None


def canonical_id(text: str) -> str | None:
    """Return an id's 18 characters; None for what is no id. One whose checksum is wrong stays as it is."""
    text = text.strip()
    return _long(text) or text if len(text) in _LENGTHS and text.isalnum() and text.isascii() else None


def is_long_id(text: str) -> bool:
    """Tell whether a text is an id of 18 characters whose last three belong to the others."""
    return len(text) == _LONG and text.isalnum() and text.isascii() and _long(text) is not None


@lru_cache(maxsize=8192)
def _long(record_id: str) -> str | None:
    """Return the 18 characters of an id, None if its checksum is wrong: many records have one parent."""
    try:
        return to_18(record_id)
    except ValueError:
        return None
