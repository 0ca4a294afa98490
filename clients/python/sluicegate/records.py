"""Records: how they are named, how they are read, and what became of those written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluicegate.v1 import error_reason_pb2, record_operation_pb2, record_pb2
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.values import Value, decode_values
from sluicegate.words import to_word

_REASONS = error_reason_pb2.ErrorReason.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Names one record: by its Salesforce id, or by a field that identifies it and its value."""

    object: str
    """API name of the sObject, for example `Lead`."""
    id: str = ""
    """The Salesforce id, 15 or 18 characters."""
    external_id_field: str = ""
    """API name of the external-id field, where the record is known by it."""
    external_id: str = ""
    """The external id."""

    def __post_init__(self) -> None:
        check_text("external_id", self.external_id)
        by_key = [bool(self.external_id_field), bool(self.external_id)]
        if any(by_key) if self.id else not all(by_key):
            raise ValueError("a record is named by its id, or by external_id_field and external_id, and not by both")


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read."""

    object: str
    """API name of the sObject, as Salesforce spells it."""
    record_id: str
    """The record's Salesforce id, 18 characters."""
    fields: Mapping[str, Value]
    """Values by API name of the field, as Salesforce spells it; null is None, a time of day is text."""


@dataclass(frozen=True, slots=True)
class SavedRecord:
    """A record that was written."""

    record_id: str
    """The record's Salesforce id, 18 characters; empty for a deletion by external id."""
    created: bool = False
    """True if the record was created."""
    already_deleted: bool = False
    """True for a deletion that found nothing left to delete."""


UpsertResult = SavedRecord
"""The name that `SavedRecord` had when records could only be upserted."""


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why one record of several was not written, as a value: it is not raised."""

    reason: str
    """The documented reason, as in `SluicegateError.reason`. After `OUTCOME_UNKNOWN` the record may be written."""
    message: str
    """One sentence for a person."""
    fields: tuple[str, ...] = ()
    """API names of the fields at fault; empty when Salesforce names none."""
    salesforce_code: str = ""
    """Salesforce's own code, for example `REQUIRED_FIELD_MISSING`; empty if Salesforce was not asked."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Facts under the documented keys, as in `SluicegateError.metadata`, but for those above."""
    retry_after_seconds: float | None = None
    """When a repeat is worth trying; None when a repeat would fail alike."""


def check_text(argument: str, value: object) -> None:
    """Refuse an external id that is no text, in words that say what to do.

    Raises:
        TypeError: It is no text.

    """
    if not isinstance(value, str):
        raise TypeError(f"{argument} is {type(value).__name__}; it must be text: str(...) makes it so")


def encode_ref(record: RecordRef) -> record_pb2.RecordRef:
    """Make the message that names a record.

    Raises:
        TypeError: It is no `RecordRef`, but an id alone for example.

    """
    if not isinstance(record, RecordRef):
        raise TypeError(f'the record is {type(record).__name__}; name it as RecordRef("Lead", "00Q...")')
    if record.id:
        return record_pb2.RecordRef(object=record.object, id=record.id)
    external_id = ExternalId(field=record.external_id_field, value=record.external_id)
    return record_pb2.RecordRef(object=record.object, external_id=external_id)


def decode_ref(record: record_pb2.RecordRef) -> RecordRef:
    """Read the name of a record from its message."""
    return RecordRef(record.object, record.id, record.external_id.field, record.external_id.value)


def decode_record(record: record_pb2.Record) -> Record:
    """Read a record from its message.

    Raises:
        ValueError: A value is not what the contract says; the text starts with the field's name.

    """
    return Record(record.object, record.record_id, decode_values(record.fields))


def decode_saved(record: record_operation_pb2.SavedRecord) -> SavedRecord:
    """Read what was written from its message."""
    return SavedRecord(record.record_id, record.created, record.already_deleted)


def decode_result(result: record_operation_pb2.RecordResult) -> SavedRecord | RecordError:
    """Read what became of one operation from its message.

    Raises:
        ValueError: The message says neither that the record was written nor why not.

    """
    match result.WhichOneof("outcome"):
        case "saved":
            return decode_saved(result.saved)
        case "error":
            error = result.error
            reason = to_word(_REASONS, error.reason).upper()
            delay = error.retry_delay.ToTimedelta().total_seconds() if error.HasField("retry_delay") else None
            return RecordError(
                reason, error.message, tuple(error.fields), error.salesforce_code, dict(error.metadata), delay
            )
    raise ValueError("the result is of a kind that this package does not know; update it")
