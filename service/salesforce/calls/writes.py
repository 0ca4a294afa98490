"""What a write of one record is, whatever resource carries it: its operation, its options, its outcome.

Each write makes several of these; a struct is made in a tenth of the time that a frozen dataclass takes.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

NO_ASSIGNMENT = "FALSE"


class NodeId(Struct, frozen=True, gc=False):
    """The id of the record that another node of the same graph writes, known only to Salesforce."""

    node: str


JsonValue = None | bool | int | float | Decimal | str | Mapping[str, str] | NodeId
"""What a field of a record may be set to: a scalar, a lookup by external id as an object, in a graph another node."""


class Operation(StrEnum):
    """What is done to a record."""

    CREATE = "create"
    UPDATE = "update"
    """Never creates; an external id finds the record where its id is not known."""
    UPSERT = "upsert"
    DELETE = "delete"


class WriteOptions(Struct, frozen=True, gc=False):
    """How records are written; one call to Salesforce has one set of options (Salesforce REST API, "Headers")."""

    allow_duplicates: bool = False
    """Pass duplicate rules that only alert."""
    duplicate_rules_as_current_user: bool = False
    """Let duplicate rules see only what the org's user may see."""
    assignment: str = ""
    """Assignment rule of Cases and Leads: an id, `FALSE` for none, empty for Salesforce's default."""

    def headers(self) -> dict[str, str]:
        """Return the request headers that say so; none for the defaults."""
        headers = {}
        duplicates = [
            f"{name}=true"
            for name, wanted in (
                ("allowSave", self.allow_duplicates),
                ("runAsCurrentUser", self.duplicate_rules_as_current_user),
            )
            if wanted
        ]
        if duplicates:
            headers["Sforce-Duplicate-Rule-Header"] = "; ".join(duplicates)
        if self.assignment:
            headers["Sforce-Auto-Assign"] = self.assignment
        return headers


DEFAULT_OPTIONS = WriteOptions()


class ExternalKey(Struct, frozen=True, gc=False):
    """An external id: the field and the value that find a record. Its repr holds no value."""

    field: str
    value: str

    def __repr__(self) -> str:
        """Name the field."""
        return f"ExternalKey({self.field!r})"


class Write(Struct, frozen=True, gc=False):
    """One write of one record. Its repr holds no value."""

    operation: Operation
    sobject: str
    """API name, in any case."""
    values: Mapping[str, JsonValue] = {}
    """What to set, by field or relationship name; empty for a deletion."""
    record_id: str = ""
    """18 characters; of an update or deletion by id."""
    key: ExternalKey | None = None
    """Of an upsert, and of an update or deletion by external id."""
    size: int = 0
    """Bytes of the caller's message, which is about what the record takes in a call."""

    def __repr__(self) -> str:
        """Name the operation and the record's sObject and id."""
        return f"Write({self.operation!r}, {self.sobject!r}, record_id={self.record_id!r})"


class Row(Struct, frozen=True, gc=False):
    """A write that goes into a call for several. Its repr holds no value."""

    write: Write
    sobject: str
    """The sObject as Salesforce spells it."""
    size: int
    """How many bytes it takes, about."""
    numeric_key: bool = False
    """Whether the external-id field holds numbers, which JSON writes without quotes."""
    repeated: str = ""
    """The name of the value that is the external id once more; empty if none is."""

    def __repr__(self) -> str:
        """Name the write and the size."""
        return f"Row({self.write!r}, size={self.size})"


class Saved(Struct, frozen=True, gc=False):
    """A record that was written."""

    record_id: str
    """18 characters; empty for a deletion by external id."""
    created: bool = False
    already_deleted: bool = False
    """A deletion found nothing left to delete."""
