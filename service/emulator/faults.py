"""What the emulated org refuses, in the error codes and the words Salesforce uses for it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal


class SalesforceFault(Exception):
    """One entry of Salesforce's error array, together with the HTTP status of a single-row answer.

    Args:
        http_status: Status of the answer when the fault concerns the whole call.
        error_code: Value of `errorCode` (of `statusCode` in collections).
        message: The text callers see.
        fields: API names of the fields at fault, in canonical case.
        details: Further members of the entry, such as `duplicateResult`.
        also: Faults of the same row that were found with this one; each is an entry of its own.

    Source of codes and texts: Salesforce REST API, "Status Codes and Error Responses".

    """

    def __init__(
        self,
        http_status: int,
        error_code: str,
        message: str,
        fields: Sequence[str] = (),
        *,
        details: Mapping[str, object] | None = None,
        also: Sequence["SalesforceFault"] = (),
    ) -> None:
        super().__init__(f"{error_code}: {message}")
        self.http_status = http_status
        self.error_code = error_code
        self.message = message
        self.fields = tuple(fields)
        self.details = dict(details or {})
        self.also = tuple(also)


class MultipleMatches(Exception):
    """An external id matches several records; nothing was written.

    Args:
        sobject: Canonical name of the sObject.
        record_ids: Ids of all matches, 18 characters each, in order of creation.

    """

    def __init__(self, sobject: str, record_ids: Sequence[str]) -> None:
        super().__init__(f"{len(record_ids)} records of {sobject} match")
        self.sobject = sobject
        self.record_ids = tuple(record_ids)


def unknown_object() -> SalesforceFault:
    """Build the answer for a row or describe resource of an sObject the org does not have."""
    return SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")


def unknown_external_id_field() -> SalesforceFault:
    """Build the answer for a field that is absent or no external id; which text Salesforce gives is unverified."""
    return SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")


def record_not_found(key: str) -> SalesforceFault:
    """Build the answer for an id or external id that no record has; the text is unverified.

    Args:
        key: The id or external id looked for.

    """
    text = f"Provided external ID field does not exist or is not accessible: {key}"
    return SalesforceFault(404, "NOT_FOUND", text)


def record_deleted() -> SalesforceFault:
    """Build the answer for a record that lies in the Recycle Bin."""
    return SalesforceFault(404, "ENTITY_IS_DELETED", "entity is deleted")


def unknown_field(sobject: str, name: str) -> SalesforceFault:
    """Build the answer for a field in a row body that the sObject does not have."""
    return SalesforceFault(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}")


def unparsable(text: str) -> SalesforceFault:
    """Build the answer for JSON of the wrong shape or type.

    Args:
        text: The parser's complaint, ending in the position when there is one.

    """
    return SalesforceFault(400, "JSON_PARSER_ERROR", text)


def cannot_deserialize(kind: str, value: object) -> SalesforceFault:
    """Build the answer for a JSON value that a field's type cannot take; the text is unverified.

    Args:
        kind: What the value had to be, in Java's lower-case words: `double`, `date`, `boolean`.
        value: The offending value; at most 100 of its characters are shown.

    """
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return unparsable(f"Cannot deserialize instance of {kind} from {_json_kind(value)} value {shown[:100]}")


def read_only(names: Sequence[str]) -> SalesforceFault:
    """Build the answer for fields the user may not write."""
    text = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return SalesforceFault(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, names)


def required_missing(names: Sequence[str]) -> SalesforceFault:
    """Build the answer for required fields that are absent, null or blank."""
    return SalesforceFault(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def string_too_long(name: str, label: str, value: str, length: int) -> SalesforceFault:
    """Build the answer for text above a field's length.

    Args:
        name: API name of the field.
        label: Label of the field.
        value: The text; Salesforce repeats it in full, the emulator its first 255 characters.
        length: What the field holds, in characters.

    """
    text = f"{label}: data value too large: {value[:255]} (max length={length})"
    return SalesforceFault(400, "STRING_TOO_LONG", text, (name,))


def bad_picklist_value(name: str, label: str, value: str) -> SalesforceFault:
    """Build the answer for a value outside a restricted picklist."""
    text = f"{label}: bad value for restricted picklist field: {value[:255]}"
    return SalesforceFault(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, (name,))


def bad_email(name: str, label: str, value: str) -> SalesforceFault:
    """Build the answer for text that is no e-mail address."""
    return SalesforceFault(400, "INVALID_EMAIL_ADDRESS", f"{label}: invalid email address: {value[:255]}", (name,))


def number_out_of_range(name: str, label: str, value: object) -> SalesforceFault:
    """Build the answer for a number with more digits than a field holds; the text is unverified."""
    text = f"{label}: value outside of valid range on numeric field: {value}"
    return SalesforceFault(400, "NUMBER_OUTSIDE_VALID_RANGE", text, (name,))


def wrong_id_type(name: str, label: str, value: str) -> SalesforceFault:
    """Build the answer for an id that is malformed or of another sObject's prefix.

    Args:
        name: API name of the field, `Id` for the record itself.
        label: Label of the field, for example `Account ID`.
        value: The id as given.

    """
    return SalesforceFault(400, "MALFORMED_ID", f"{label}: id value of incorrect type: {value[:255]}", (name,))


def broken_reference(name: str) -> SalesforceFault:
    """Build the answer for a lookup whose record does not exist."""
    return SalesforceFault(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (name,))


def unmatched_parent(name: str, sobject: str, key_field: str, value: object) -> SalesforceFault:
    """Build the answer for a lookup given by an external id that no record has; the text is unverified."""
    text = f"Foreign key external ID: {str(value)[:255]} not found for field {key_field} in entity {sobject}"
    return SalesforceFault(400, "INVALID_FIELD", text, (name,))


def ambiguous_parent(name: str, sobject: str, key_field: str, value: object) -> SalesforceFault:
    """Build the answer for a lookup given by an external id that several records have; the text is unverified."""
    text = f"{key_field}: more than one record found for external id field in {sobject}: {str(value)[:255]}"
    return SalesforceFault(400, "INVALID_FIELD", text, (name,))


def bad_parent(relationship: str) -> SalesforceFault:
    """Build the answer for a lookup given by something that is no external id; the text is unverified."""
    text = f"The external foreign key reference does not reference a valid entity: {relationship}"
    return SalesforceFault(400, "INVALID_FIELD", text, (relationship,))


def duplicate_value(name: str, record_id: str) -> SalesforceFault:
    """Build the answer for a value of a unique field that another record holds.

    Args:
        name: API name of the unique field.
        record_id: The holder, 18 characters. Salesforce names a 15- or 18-character id here.

    """
    text = f"duplicate value found: {name} duplicates value on record with id: {record_id}"
    return SalesforceFault(400, "DUPLICATE_VALUE", text)


def repeated_external_id(name: str) -> SalesforceFault:
    """Build the answer for a body that repeats the external id of the path; the text is unverified."""
    text = f"The {name} field should not be specified in the sobject data."
    return SalesforceFault(400, "INVALID_FIELD", text, (name,))


def id_in_create() -> SalesforceFault:
    """Build the answer for a create that brings its own id; the text is unverified."""
    return SalesforceFault(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))


def missing_key(name: str) -> SalesforceFault:
    """Build the answer for an upsert without a value for its key; the text is unverified."""
    return SalesforceFault(400, "MISSING_ARGUMENT", f"{name} not specified")


def mixed_dml(sobject: str, first: str) -> SalesforceFault:
    """Build the answer for a row that no transaction holds together with those before it; the text is unverified.

    Args:
        sobject: Canonical name of the row's sObject.
        first: Canonical name of the sObject the transaction began with.

    """
    text = (
        "DML operation on setup object is not permitted after you have updated a non-setup object (or vice versa): "
        f"{sobject}, original object: {first}"
    )
    return SalesforceFault(400, "MIXED_DML_OPERATION", text)


def delete_blocked(children: str, names: Sequence[str]) -> SalesforceFault:
    """Build the answer for a delete that records pointing here forbid; the text is unverified.

    Args:
        children: Plural label of the records in the way, in lower case.
        names: What people know them by.

    """
    text = (
        "Your attempt to delete this record could not be completed because it is associated with the following "
        f"{children}: {', '.join(names)}"
    )
    return SalesforceFault(400, "DELETE_FAILED", text)


def event_ends_early() -> SalesforceFault:
    """Build the answer for an event whose end lies before its start; the text is unverified."""
    text = "Event duration cannot be negative."
    return SalesforceFault(400, "FIELD_INTEGRITY_EXCEPTION", text, ("EndDateTime",))


def validation_failed(message: str, fields: Sequence[str]) -> SalesforceFault:
    """Build the answer for a row that a validation rule finds bad.

    Args:
        message: The rule's own.
        fields: The rule's error field, or none.

    """
    return SalesforceFault(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields)


def wrong_record_type(label: str, record_type_id: str) -> SalesforceFault:
    """Build the answer for a record type of another sObject or an inactive one; the text is unverified."""
    text = f"{label}: this ID value isn't valid for the user: {record_type_id[:255]}"
    return SalesforceFault(400, "INVALID_CROSS_REFERENCE_KEY", text, ("RecordTypeId",))


def inactive_owner(user_id: str, sobject: str) -> SalesforceFault:
    """Build the answer for a record given to a user who is not active; the text is unverified.

    Args:
        user_id: The user, 18 characters.
        sobject: Label of the sObject.

    """
    text = f"operation performed with inactive user [{user_id[:15]}] as owner of {sobject.lower()}"
    return SalesforceFault(400, "INACTIVE_OWNER_OR_USER", text, ("OwnerId",))


def duplicates_detected(message: str, result: Mapping[str, object]) -> SalesforceFault:
    """Build the answer for a row that a duplicate rule knows already.

    Args:
        message: The rule's own.
        result: The member `duplicateResult`.

    """
    return SalesforceFault(400, "DUPLICATES_DETECTED", message, details={"duplicateResult": result})


def bad_replication_date(text: str) -> SalesforceFault:
    """Build the answer for a window of changes that cannot be answered; the texts are unverified."""
    return SalesforceFault(400, "INVALID_REPLICATION_DATE", text)


def not_in_bin() -> SalesforceFault:
    """Build the answer for restoring a record that is not deleted, or not any more; the text is unverified."""
    return SalesforceFault(400, "UNDELETE_FAILED", "Entity is not in the recycle bin")


def precondition_failed() -> SalesforceFault:
    """Build the answer for a record that changed after `If-Unmodified-Since`; code and text are unverified."""
    text = "The entity has been modified since the date in the If-Unmodified-Since header"
    return SalesforceFault(412, "PRECONDITION_FAILED", text)


def not_permitted(sobject: str, action: str) -> SalesforceFault:
    """Build the answer for a write the sObject does not know at all; the text is unverified.

    Args:
        sobject: Canonical name of the sObject.
        action: What was tried: `create`, `update` or `delete`.

    """
    text = f"entity type {sobject} does not support {action}"
    return SalesforceFault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    if isinstance(value, str):
        return "VALUE_STRING"
    if isinstance(value, int):
        return "VALUE_NUMBER_INT"
    if isinstance(value, float | Decimal):
        return "VALUE_NUMBER_FLOAT"
    if isinstance(value, list):
        return "START_ARRAY"
    return "START_OBJECT"
