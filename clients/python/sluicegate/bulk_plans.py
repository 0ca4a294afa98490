"""Plans of bulk loads whose rows refer to each other: what is asked, and what is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sluicegate.v1 import bulk_load_pb2, bulk_plan_pb2
from sluicegate.words import to_number, to_word

_OPERATIONS = bulk_load_pb2.BulkOperation.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class BulkLoadDraft:
    """A load that is to be planned."""

    object: str
    """API name of the sObject."""
    operation: Literal["insert", "update", "upsert"]
    """What to do with each row."""
    columns: Sequence[str]
    """Salesforce's names of its columns, those of constants among them: fields, or lookups such as `Account.Ext__c`."""
    external_id_field: str = ""
    """API name of the external-id field; for an upsert only."""


@dataclass(frozen=True, slots=True)
class BulkLoadReference:
    """A column that finds parents among the rows of loads."""

    column: str
    """The column as the draft spells it."""
    field: str
    """API name of the lookup that it sets."""
    parent_objects: tuple[str, ...]
    """API names of the sObjects that it may find."""
    external_id_field: str
    """API name of the field of theirs that it finds them by."""
    parent_loads: tuple[int, ...]
    """Indexes of the drafts that write them, the draft itself perhaps among them."""
    is_deferred: bool
    """Whether it is left to the second pass."""


@dataclass(frozen=True, slots=True)
class BulkLoadStep:
    """One load of a plan."""

    load: int
    """Index of its draft."""
    is_second_pass: bool
    """Whether it sets what the first pass left out, in the rows that were written and have a value there."""
    operation: str
    """What to do with each row."""
    external_id_field: str
    """API name of the external-id field of an upsert; empty otherwise."""
    columns: tuple[str, ...]
    """The columns that it loads; all others are to be left out."""
    references: tuple[BulkLoadReference, ...]
    """The draft's columns that find rows of loads."""
    parent_column: str
    """The column by which rows are to stand together; empty for none."""


def encode_draft(draft: BulkLoadDraft) -> bulk_plan_pb2.BulkLoadDraft:
    """Make the message of a draft.

    Raises:
        ValueError: The operation is none of the words that it takes.

    """
    return bulk_plan_pb2.BulkLoadDraft(
        object=draft.object,
        operation=bulk_load_pb2.BulkOperation.ValueType(to_number(_OPERATIONS, "operation", draft.operation)),
        external_id_field=draft.external_id_field,
        columns=draft.columns,
    )


def decode_step(step: bulk_plan_pb2.BulkLoadStep) -> BulkLoadStep:
    """Read a step from its message."""
    return BulkLoadStep(
        load=step.load,
        is_second_pass=step.bulk_pass == bulk_plan_pb2.BULK_PASS_SECOND,
        operation=to_word(_OPERATIONS, step.operation),
        external_id_field=step.external_id_field,
        columns=tuple(step.columns),
        references=tuple(map(_reference, step.references)),
        parent_column=step.parent_column,
    )


def _reference(reference: bulk_plan_pb2.BulkLoadReference) -> BulkLoadReference:
    return BulkLoadReference(
        column=reference.column,
        field=reference.field,
        parent_objects=tuple(reference.parent_objects),
        external_id_field=reference.external_id_field,
        parent_loads=tuple(reference.parent_loads),
        is_deferred=reference.is_deferred,
    )
