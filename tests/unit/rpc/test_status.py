"""Errors as rich statuses."""

from typing import Any

import pytest
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.errors import FieldViolation, SluicegateError
from service.rpc.status import DOMAIN, to_grpc, to_status

TRAILERS_KEY = "grpc-status-details-bin"
LARGEST_STATUS = 4096


def unpacked(status: Status, kind: type[Any]) -> Any:
    """Return the one detail of a kind."""
    [found] = [packed for packed in status.details if packed.Is(kind.DESCRIPTOR)]
    message = kind()
    found.Unpack(message)
    return message


def kinds(status: Status) -> list[str]:
    """Name the details of a status."""
    return sorted(packed.TypeName().removeprefix("google.rpc.") for packed in status.details)


def test_every_error_has_its_reason():
    """Code, message, reason, domain and metadata are told."""
    error = errors.RowLocked("locked", metadata={"org": "prod", "salesforce_error_code": "UNABLE_TO_LOCK_ROW"})

    status = to_status(error)

    info = unpacked(status, details.ErrorInfo)
    assert (10, "locked") == (status.code, status.message)
    assert ("ROW_LOCKED", DOMAIN) == (info.reason, info.domain)
    assert {"org": "prod", "salesforce_error_code": "UNABLE_TO_LOCK_ROW"} == dict(info.metadata)
    assert ["ErrorInfo"] == kinds(status)


def test_fields_at_fault_are_a_bad_request():
    """Each violation names its field, in order."""
    violations = [FieldViolation("fields.A", "is wrong"), FieldViolation("fields.B", "too")]

    status = to_status(errors.InvalidRequest("m", violations=violations))

    found = unpacked(status, details.BadRequest).field_violations
    assert [("fields.A", "is wrong"), ("fields.B", "too")] == [(item.field, item.description) for item in found]


def test_an_exhausted_limit_names_the_org_and_the_time():
    """A refusal for a limit carries QuotaFailure and RetryInfo."""
    error = errors.DailyLimitExceeded("all used", metadata={"org": "prod"}, retry_after_seconds=90.5)

    status = to_status(error)

    assert "org:prod" == unpacked(status, details.QuotaFailure).violations[0].subject
    assert 90.5 == unpacked(status, details.RetryInfo).retry_delay.ToTimedelta().total_seconds()


def test_a_callers_own_quota_names_the_caller():
    """It is not the org's that is used up."""
    error = errors.CallerQuotaExceeded(
        "used up", metadata={"org": "prod", "caller": "nightly-import"}, retry_after_seconds=60.0
    )

    status = to_status(error)

    assert "caller:nightly-import" == unpacked(status, details.QuotaFailure).violations[0].subject


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.UnknownOrg("m", metadata={"org": "prd"}), ("org", "prd")),
        (errors.LoadNotFound("m", metadata={"job_id": "750"}), ("load", "750")),
        (errors.RecordDeleted("m", metadata={"object": "Case", "id": "500"}), ("Case", "500")),
        (errors.RecordNotFound("m", metadata={"object": "Lead", "external_id_field": "Ext__c"}), ("Lead", "Ext__c")),
        (errors.RecordNotFound("m"), ("record", "")),
    ],
)
def test_what_is_missing_is_a_resource(error, expected):
    """ResourceInfo says what kind of thing does not exist, and which."""
    resource = unpacked(to_status(error), details.ResourceInfo)

    assert expected == (resource.resource_type, resource.resource_name)


def test_empty_facts_are_left_out():
    """Metadata without a value is not sent."""
    info = unpacked(to_status(errors.InternalError("m", metadata={"a": "", "b": "1"})), details.ErrorInfo)

    assert {"b": "1"} == dict(info.metadata)


def test_the_status_rides_in_a_trailer():
    """grpc.aio gets the code, the message and the details in the documented trailer."""
    status: Any = to_grpc(errors.UpstreamUnavailable("away"))

    assert ("UNAVAILABLE", "away") == (status.code.name, status.details)
    assert [TRAILERS_KEY] == [key for key, _ in status.trailing_metadata]


characters = st.characters(exclude_categories=())  # surrogates too, which UTF-8 cannot hold
long_text = st.builds(lambda part: part * 3000, st.text(characters, min_size=1, max_size=4))
text = st.text(characters, max_size=30) | long_text
violation = st.builds(FieldViolation, text, text)


@given(
    st.sampled_from([errors.InvalidRequest, errors.UnknownOrg, errors.DailyLimitExceeded, errors.RowLocked]),
    text,
    st.dictionaries(st.sampled_from([f"key_{number}" for number in range(20)]), text),
    st.lists(violation, max_size=12),
    st.none() | st.floats(0, 1e6),
)
def test_no_status_outgrows_its_trailer(kind, message, metadata, violations, delay):
    """Whatever an error holds, its status stays below 4 KiB, and code and reason always arrive."""
    error: SluicegateError = kind(message, metadata=metadata, violations=violations, retry_after_seconds=delay)

    status = to_status(error)

    assert status.ByteSize() <= LARGEST_STATUS
    assert error.reason == unpacked(status, details.ErrorInfo).reason
    assert delay is None or "RetryInfo" in kinds(status)


@given(text)
def test_a_message_is_cut_between_characters(message):
    """A long message loses its end and nothing else; text that UTF-8 cannot hold does no harm."""
    written = to_status(errors.InternalError(message)).message

    assert message.encode(errors="replace").startswith(written.encode())


@pytest.mark.parametrize(
    ("error", "pushback"),
    [
        (errors.UpstreamUnavailable("m", retry_after_seconds=1.5), ["1500"]),
        (errors.ConcurrencyLimitExceeded("m", retry_after_seconds=60.0), ["60000"]),
        (errors.DailyLimitExceeded("m", retry_after_seconds=3600.0), ["-1"]),
        (errors.UpstreamUnavailable("m"), []),
        (errors.RowLocked("m", retry_after_seconds=1.0), []),
    ],
)
def test_grpc_itself_is_told_when_to_come_back(error, pushback):
    """Clients that retry by themselves wait as long, or tell their caller if that would be minutes."""
    status = to_grpc(error)

    assert pushback == [value for key, value in status.trailing_metadata if key == "grpc-retry-pushback-ms"]
    assert [to_status(error).SerializeToString()] == [
        value for key, value in status.trailing_metadata if key == TRAILERS_KEY
    ]
    assert (error.code, "m") == (status.code.name, status.details)
