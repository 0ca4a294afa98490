"""How the caller's columns become Salesforce's: which goes where, which stays out, and what is the same in all rows.

Sources: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" (`#N/A` sets a field to null, an empty cell
leaves it alone, lookups by external id are named `Account.Ext__c`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NULL = "#N/A"
"""What sets a field to null. A cell of these four characters does the same: Salesforce has no other spelling."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """What becomes of each column. Without anything, every column is named after its field and goes as it is.

    The caller's column names compare exactly, Salesforce's without case. A column that is neither mapped nor ignored
    must itself be named after a field.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Salesforce's column by the caller's: a field, or a lookup by external id such as `Account.Ext__c`."""
    constants: Mapping[str, str | None] = field(default_factory=dict)
    """The value that every row has, by Salesforce's column; None sets the field to null."""
    ignored: frozenset[str] = frozenset()
    """The caller's columns that stay out."""
    null_text: str | None = None
    """What the caller writes for null: a cell that is exactly this, in quotes or not, becomes `#N/A`. The empty text
    makes every empty cell null. None, and whatever comes as JSON, leaves cells alone."""
