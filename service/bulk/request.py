"""What a bulk load is asked for.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest" (operations).
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum

from service import errors
from service.bulk.data.dialect import Dialect
from service.bulk.data.formats import Format
from service.bulk.data.mapping import FieldMapping


class Operation(Enum):
    """What a load does with each row, by Salesforce's names."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    HARD_DELETE = "hardDelete"


class WantedResults(Enum):
    """Which row results a load sends."""

    FAILURES = "failures"
    ALL = "all"
    NONE = "none"


class Commit(Enum):
    """What has a part of a load written."""

    AT_END = "at_end"
    """The end of the data does; it is one part."""
    BY_PART = "by_part"
    """A message of the caller for each part does."""
    BY_CALL = "by_call"
    """A call does for all parts that are prepared; the data comes by calls as well."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load, and how.

    Raises:
        errors.InvalidRequest: An upsert names no external-id field, or another operation does.

    """

    object: str
    """API name of the sObject."""
    operation: Operation
    external_id_field: str = ""
    """API name of the external-id field; for an upsert only."""
    format: Format = Format.CSV
    results: WantedResults = WantedResults.FAILURES
    commit: Commit = Commit.AT_END
    mapping: FieldMapping = field(default_factory=FieldMapping)
    dialect: Dialect = field(default_factory=Dialect)
    assignment_rule_id: str = ""
    """Empty assigns nothing."""
    key_column: str = ""
    """The caller's column whose cell comes back with each result; empty for none."""
    repeats_results: bool = False
    """Whether parts that are done are reported once more, of a load that is gone on with."""
    is_serial: bool = False
    """Whether parts are written one after another."""
    parent_column: str = ""
    """The caller's column whose cell names a row's parent; rows of one parent are uploaded together. Empty for none."""
    keeps_results: bool = False
    """Whether results are wanted later, which only jobs keep."""

    def __post_init__(self) -> None:
        if (self.operation is Operation.UPSERT) != bool(self.external_id_field):
            problem = "must be set for an upsert and empty otherwise"
            raise errors.InvalidRequest(
                f"external_id_field {problem}", violations=[errors.FieldViolation("header.external_id_field", problem)]
            )

    @property
    def needed_column(self) -> str:
        """The column that every row needs; empty for an insert."""
        if self.operation is Operation.INSERT:
            return ""
        return self.external_id_field or "Id"

    @property
    def key_field(self) -> str:
        """The column that `key_column` is uploaded as; empty if there is none."""
        return self.mapping.target(self.key_column) or ""

    @property
    def parent_field(self) -> str:
        """The column that `parent_column` is uploaded as; empty if there is none."""
        return self.mapping.target(self.parent_column) or ""

    @property
    def digest(self) -> bytes:
        """Eight bytes that are others for a request by which rows would be written differently."""
        said = (
            self.object.lower(),
            self.operation.value,
            self.external_id_field.lower(),
            self.format.value,
            self.commit.value,
            sorted(self.mapping.fields.items()),
            sorted((name, value or "", value is None) for name, value in self.mapping.constants.items()),
            sorted(self.mapping.ignored),
            self.mapping.null_text,
            self.dialect.delimiter and self.dialect.delimiter.name,
            self.dialect.line_end and self.dialect.line_end.name,
            self.assignment_rule_id[:15],
            self.key_column,
        )
        return hashlib.sha256(repr(said).encode()).digest()[:8]
