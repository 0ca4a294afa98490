"""Every failure a caller can meet, as one tree of exceptions that carry data.

* SluicegateError
  x InvalidArgument
    + InvalidRequest            a protovalidate rule does not hold
    + MalformedMessage          the bytes are not the protobuf message of the method
    + MessageTooLarge           (RESOURCE_EXHAUSTED) the request is above the configured size
    + UnknownObject             the org has no such sObject
    + UnknownField              the sObject has no such field
    + InvalidFieldValue         Salesforce cannot take the value: type, length, format, picklist
    + RequiredFieldMissing      a required field was absent or null
    + FieldNotWriteable         the field is read-only for the org's user
    + InvalidReference          a lookup points at no record
    + MalformedQuery            SOQL that does not parse; carries row and column
    + InvalidParameter          a query parameter is missing, unused or of a type SOQL cannot bind
    + InvalidData               bulk data that is not CSV or JSON Lines; carries the row
    + InvalidToken              a resume token that this service did not sign
    + InvalidLink               a deep link that is malformed or carries a wrong signature
    + InvalidClaim              the claim of a deep link is malformed, altered or of another device
    + RequestIdReused           the request id belongs to a request with another body
  x NotFound
    + UnknownOrg · RecordNotFound · RecordDeleted · LoadNotFound
  x Conflict
    + DuplicateValue            (ALREADY_EXISTS) a unique field holds the value already
    + DuplicatesDetected        (ALREADY_EXISTS) a duplicate rule refused the record
    + AmbiguousExternalId       (FAILED_PRECONDITION) the external id matches several records
    + RowLocked                 (ABORTED) another transaction holds the record or its parent
    + OutcomeUnknown            (ABORTED) the write may or may not have happened
  x Refused
    + AccessDenied              (PERMISSION_DENIED)
    + ValidationRuleFailed · SalesforceRejected · LoadFailed · LinkExpired · OrgAuthenticationFailed
    + ClaimExpired · ClaimUsed · ClaimsRefused
    + LoadWithoutJob            the load's rows were written by calls, and only a job keeps what is asked for
    + QueryNotResumable         the rest of a result is gone and cannot be told from what was sent
  x Exhausted
    + DailyLimitExceeded · CallerQuotaExceeded · ConcurrencyLimitExceeded · AllocationExceeded · QueueFull
  x Unavailable
    + UpstreamUnavailable · ShuttingDown · SharedStoreUnavailable
  x DeadlineExceeded
  x InternalError
    + UpstreamProtocolError     Salesforce answered something no documented answer looks like

Nothing here knows gRPC or HTTP: `service.rpc.status` renders the tree as `google.rpc.Status`,
`service.salesforce.faults` makes it from Salesforce's answers. A reason is the name of a value of
`sluicegate.v1.ErrorReason` without its prefix; a test holds the two together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Code = Literal[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
]
"""The canonical gRPC codes in use, by name."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of the caller's input and what is wrong with it."""

    field: str
    """Path of the field as the caller wrote it, for example `fields.LastName`."""
    description: str
    """What is wrong and what would be right."""


class SluicegateError(Exception):
    """A failure with a canonical code, a documented reason and safe text.

    Args:
        message: One sentence for the caller. It never holds secrets, field values or upstream bodies.
        metadata: Machine-readable facts; the keys are documented under the reason in `ErrorReason`.
        violations: The caller's fields at fault.
        retry_after_seconds: When a repeat is worth trying; None when a repeat will fail alike.

    """

    code: ClassVar[Code] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds


class InvalidArgument(SluicegateError):
    """The caller's input is wrong whatever the state of the org."""

    code: ClassVar[Code] = "INVALID_ARGUMENT"
    reason = "INVALID_REQUEST"


class InvalidRequest(InvalidArgument):
    """A rule of the contract does not hold; `violations` names the fields."""


class MalformedMessage(InvalidArgument):
    """The bytes received are not the protobuf message of the method."""

    reason = "MALFORMED_MESSAGE"


class MessageTooLarge(InvalidArgument):
    """The request is larger than the service takes. Metadata: size_bytes, limit_bytes.

    Also what it asks of Salesforce is larger than Salesforce takes, without metadata.
    """

    code = "RESOURCE_EXHAUSTED"
    reason = "MESSAGE_TOO_LARGE"


class UnknownObject(InvalidArgument):
    """The org has no sObject of that name, or its user may not see it. Metadata: object, nearest."""

    reason = "UNKNOWN_OBJECT"


class UnknownField(InvalidArgument):
    """The sObject has no field of that name, or its user may not see it. Metadata: object, field, nearest."""

    reason = "UNKNOWN_FIELD"


class InvalidFieldValue(InvalidArgument):
    """Salesforce cannot take a value: wrong type, too long, bad format, not in the picklist."""

    reason = "INVALID_FIELD_VALUE"


class RequiredFieldMissing(InvalidArgument):
    """A field that the sObject requires was absent or null. Metadata: fields."""

    reason = "REQUIRED_FIELD_MISSING"


class FieldNotWriteable(InvalidArgument):
    """The field is read-only for the user the org is called as. Metadata: fields."""

    reason = "FIELD_NOT_WRITEABLE"


class InvalidReference(InvalidArgument):
    """A lookup field points at no record, or at one that the user the org is called as may not use."""

    reason = "INVALID_REFERENCE"


class MalformedQuery(InvalidArgument):
    """SOQL that does not parse or resolve. Metadata: row, column, and object or expected where known.

    Args:
        message: What is wrong, with the row and column.
        row: Line of the fault, from 1; 0 when Salesforce did not say.
        column: Column of the fault, from 1; 0 when Salesforce did not say.
        metadata: Further facts.

    """

    reason = "MALFORMED_QUERY"

    def __init__(self, message: str, *, row: int, column: int, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(
            message,
            metadata={"row": str(row), "column": str(column), **(metadata or {})},
            violations=[FieldViolation("soql", message)],
        )
        self.row = row
        self.column = column


class InvalidParameter(InvalidArgument):
    """A named query parameter is missing, unused or of a type SOQL cannot bind. Metadata: parameter."""

    reason = "INVALID_PARAMETER"


class InvalidData(InvalidArgument):
    """Bulk data that cannot be read. Metadata: row (from 1, the header not counted; 0 is the header).

    Args:
        message: What is wrong, with the row.
        row: The data row at fault, from 1; 0 for the header.
        metadata: Further facts.

    """

    reason = "INVALID_DATA"

    def __init__(self, message: str, *, row: int, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(
            message,
            metadata={"row": str(row), **(metadata or {})},
            violations=[FieldViolation("data", message)],
        )
        self.row = row


class InvalidToken(InvalidArgument):
    """A resume token that this service did not sign, or that was altered."""

    reason = "INVALID_TOKEN"


class InvalidLink(InvalidArgument):
    """A deep link that is malformed, or whose signature does not hold."""

    reason = "INVALID_LINK"


class InvalidClaim(InvalidArgument):
    """A claim of a deep link that was not made here, was altered or is another org's or platform's. Metadata: cause."""

    reason = "INVALID_CLAIM"


class RequestIdReused(InvalidArgument):
    """The request id was used for a request with another body. Metadata: request_id."""

    reason = "REQUEST_ID_REUSED"


class NotFound(SluicegateError):
    """What the caller named does not exist."""

    code: ClassVar[Code] = "NOT_FOUND"
    reason = "RECORD_NOT_FOUND"


class UnknownOrg(NotFound):
    """No org of that name is configured. Metadata: org, nearest."""

    reason = "UNKNOWN_ORG"


class RecordNotFound(NotFound):
    """No record has that id or external id. Metadata: object, and id or external_id_field."""


class RecordDeleted(NotFound):
    """The record is in the recycle bin or gone. Metadata: object, id."""

    reason = "RECORD_DELETED"


class LoadNotFound(NotFound):
    """No bulk load of that token is known to the org: wrong org, or older than seven days."""

    reason = "LOAD_NOT_FOUND"


class Conflict(SluicegateError):
    """The state of the org is in the way."""

    code: ClassVar[Code] = "FAILED_PRECONDITION"
    reason = "SALESFORCE_REJECTED"


class DuplicateValue(Conflict):
    """A unique field holds the value on another record already. Metadata: record_id where Salesforce tells."""

    code = "ALREADY_EXISTS"
    reason = "DUPLICATE_VALUE"


class DuplicatesDetected(Conflict):
    """A duplicate rule of the org refused the record. Metadata: duplicate_rule, record_ids."""

    code = "ALREADY_EXISTS"
    reason = "DUPLICATES_DETECTED"


class AmbiguousExternalId(Conflict):
    """The external id matches several records; nothing was written. Metadata: record_ids."""

    reason = "AMBIGUOUS_EXTERNAL_ID"


class RowLocked(Conflict):
    """Another transaction holds the record or its parent; a repeat is likely to succeed."""

    code = "ABORTED"
    reason = "ROW_LOCKED"


class OutcomeUnknown(Conflict):
    """The connection was lost, or Salesforce broke down, after the write was sent: it may or may not have happened.

    Metadata: org, http_status where Salesforce answered.
    """

    code = "ABORTED"
    reason = "OUTCOME_UNKNOWN"


class Refused(SluicegateError):
    """Salesforce or a policy refuses what was asked, and a repeat will be refused alike."""

    code: ClassVar[Code] = "FAILED_PRECONDITION"
    reason = "SALESFORCE_REJECTED"


class AccessDenied(Refused):
    """The user the org is called as may not do this. Metadata: salesforce_error_code."""

    code = "PERMISSION_DENIED"
    reason = "ACCESS_DENIED"


class ValidationRuleFailed(Refused):
    """A validation rule, a trigger or a flow of the org refused the record."""

    reason = "VALIDATION_RULE_FAILED"


class SalesforceRejected(Refused):
    """Any other documented refusal. Metadata: salesforce_error_code."""


class LoadFailed(Refused):
    """Salesforce failed or aborted the bulk job as a whole. Metadata: job_id, state."""

    reason = "LOAD_FAILED"


class LoadWithoutJob(Refused):
    """What is asked needs a bulk job, and the load's rows are written by calls instead. Metadata: load_id."""

    reason = "LOAD_WITHOUT_JOB"


class QueryNotResumable(Refused):
    """Salesforce no longer holds the rest of a result, and the query cannot be restarted behind the rows already sent.

    Metadata: org, rows, cause.
    """

    reason = "QUERY_NOT_RESUMABLE"


class LinkExpired(Refused):
    """The deep link was valid and is past its expiry. Metadata: expired_at (RFC 3339)."""

    reason = "LINK_EXPIRED"


class ClaimExpired(Refused):
    """The claim of a deep link was valid and is past its expiry. Metadata: expired_at."""

    reason = "CLAIM_EXPIRED"


class ClaimUsed(Refused):
    """The deep link was claimed with this token before."""

    reason = "CLAIM_USED"


class ClaimsRefused(Refused):
    """No store is configured that would tell a second claim, and none is taken without. Metadata: setting."""

    reason = "CLAIMS_REFUSED"


class OrgAuthenticationFailed(Refused):
    """Salesforce refuses the service's own credentials: an operator must act. Metadata: org, oauth_error."""

    reason = "ORG_AUTHENTICATION_FAILED"


class Exhausted(SluicegateError):
    """A limit of the org is used up. `retry_after_seconds` says when to come back."""

    code: ClassVar[Code] = "RESOURCE_EXHAUSTED"
    reason = "ALLOCATION_EXCEEDED"


class DailyLimitExceeded(Exhausted):
    """The org's rolling 24-hour API allocation is used up. Metadata: limit, org, and used, maximum where known.

    Where the service refuses by itself for its own reserve also class and threshold.
    """

    reason = "DAILY_LIMIT_EXCEEDED"


class CallerQuotaExceeded(Exhausted):
    """The caller used up its share of the org's API calls; other callers go on. Metadata: limit, used, maximum, caller.

    Metadata beside those: org.
    """

    reason = "CALLER_QUOTA_EXCEEDED"


class ConcurrencyLimitExceeded(Exhausted):
    """The org takes no further request at a time, or no further result is read; seconds help. Metadata: limit, org.

    Where the service refuses by itself also in_flight, concurrency_limit and waiting.
    """

    reason = "CONCURRENCY_LIMIT_EXCEEDED"


class AllocationExceeded(Exhausted):
    """Another allocation of the org is used up: storage, bulk batches, events. Metadata: salesforce_error_code."""


class QueueFull(Exhausted):
    """As many records wait for the org as the service holds, or as one caller may have; or bulk data fills the disk.

    Metadata: org, waiting, maximum, waiting_of_caller; waiting_bytes and maximum_bytes.
    """

    reason = "QUEUE_FULL"


class Unavailable(SluicegateError):
    """The service or its upstream cannot answer now; a repeat is worthwhile and harmless."""

    code: ClassVar[Code] = "UNAVAILABLE"
    reason = "UPSTREAM_UNAVAILABLE"


class UpstreamUnavailable(Unavailable):
    """Salesforce cannot be reached or answers with an outage. Metadata: org, http_status where there was one."""


class ShuttingDown(Unavailable):
    """This replica is draining: it begins no bulk load and no request with an id, and ends watches."""

    reason = "SHUTTING_DOWN"


class SharedStoreUnavailable(Unavailable):
    """The store that replicas share cannot be reached, and the call is not made without it."""

    reason = "SHARED_STORE_UNAVAILABLE"


class ShortLinkUnavailable(Unavailable):
    """A link provider gives no short link now. Metadata: provider, cause; http_status where its API answered."""

    reason = "SHORT_LINK_UNAVAILABLE"


class DeadlineExceeded(SluicegateError):
    """The caller's deadline, or the method's own bound, passed before Salesforce answered."""

    code = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"


class InternalError(SluicegateError):
    """A fault of this service; its text says nothing beyond the request id. Metadata: request_id."""


class UpstreamProtocolError(InternalError):
    """Salesforce answered something that none of its documented answers looks like."""

    reason = "UPSTREAM_PROTOCOL_ERROR"
