"""Errors of records: one of many, and under the caller's own paths."""

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import example, given
from hypothesis import strategies as st
from sluicegate.v1 import error_reason_pb2 as reasons
from sluicegate.v1.record_pb2 import RecordError, RecordRef
from sluicegate.v1.record_service_pb2 import ApplyRecordsResponse

from service.errors import (
    FieldViolation,
    InvalidFieldValue,
    MalformedQuery,
    RecordNotFound,
    RequiredFieldMissing,
    RowLocked,
    UnknownField,
)
from service.rpc.record_errors import relocating, to_record_error
from service.rpc.record_writes import in_record
from service.salesforce.faults import Fault, from_fault


def at(path: str) -> FieldViolation:
    """Return a fault at a path."""
    return FieldViolation(path, "is wrong")


MISSING = RequiredFieldMissing(
    "Required fields are missing: [LastName, Company]",
    metadata={"salesforce_error_code": "REQUIRED_FIELD_MISSING", "fields": "LastName,Company"},
    violations=[FieldViolation("fields.LastName", "is required"), FieldViolation("fields.Company", "is required")],
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            MISSING,
            RecordError(
                reason=reasons.ERROR_REASON_REQUIRED_FIELD_MISSING,
                message="Required fields are missing: [LastName, Company]",
                fields=["LastName", "Company"],
                salesforce_code="REQUIRED_FIELD_MISSING",
            ),
        ),
        (
            RecordNotFound("no such record", metadata={"object": "Lead", "id": ""}),
            RecordError(
                reason=reasons.ERROR_REASON_RECORD_NOT_FOUND, message="no such record", metadata={"object": "Lead"}
            ),
        ),
        (
            InvalidFieldValue(
                "wrong", violations=[FieldViolation(f"fields.{path}", "") for path in ("A.x", "A", "B[0]")]
            ),
            RecordError(reason=reasons.ERROR_REASON_INVALID_FIELD_VALUE, message="wrong", fields=["A", "B"]),
        ),
        (
            UnknownField(
                "no key", metadata={"field": "K__c"}, violations=[FieldViolation("external_id.field", "no key")]
            ),
            RecordError(
                reason=reasons.ERROR_REASON_UNKNOWN_FIELD, message="no key", fields=["K__c"], metadata={"field": "K__c"}
            ),
        ),
        (
            from_fault(Fault("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access: 001…", ("Id",)), metadata={}),
            RecordError(
                reason=reasons.ERROR_REASON_ROW_LOCKED,
                message="another transaction holds the record or its parent",
                fields=["Id"],
                salesforce_code="UNABLE_TO_LOCK_ROW",
                retry_delay=Duration(seconds=1),
            ),
        ),
    ],
)
def test_an_error_of_one_of_many(error, expected):
    """A record's outcome says what the call's own error would: reason, text, fields, codes, facts, when to repeat."""
    assert expected == to_record_error(error)


@example("ü" * 500, [f"{number}{'F' * 77}__c" for number in range(800)], {str(key): "1" for key in range(100)})
@example("ü" * 500, ["F" * 80] * 10, {"record_ids": ",".join(["00Qxx000003DGb1EAG"] * 20), "object": "ü" * 40})
@given(
    st.text(), st.lists(st.text(min_size=1, max_size=2_000), max_size=50), st.dictionaries(st.text("abc_"), st.text())
)
def test_the_outcomes_of_a_full_call_arrive(message, names, facts):
    """However long the texts, two thousand errors stay below the size of an answer that gRPC's clients take."""
    fault = Fault("X" * 100, message * 50, tuple(names))
    found = from_fault(fault, metadata={})
    known = {**{key: value * 50 for key, value in facts.items()}, **found.metadata}

    error = to_record_error(type(found)(found.message, metadata=known, retry_after_seconds=86_400.999))

    response = ApplyRecordsResponse()
    response.results.add().error.CopyFrom(error)
    assert 4 * 1024 * 1024 > 2_000 * response.ByteSize()


def test_facts_that_are_too_long_leave_room_for_others():
    """A fact that has no room is left out whole, because half of a list is another list; the others are told."""
    facts = {"record_ids": "00Qxx000003DGb1EAG," * 50, "object": "Lead"}

    error = to_record_error(RowLocked("locked", metadata=facts))

    assert {"object": "Lead"} == error.metadata


def test_an_error_is_told_under_the_callers_paths():
    """A record that is named by a reference has its parts there; the error itself stays as its other owners know it."""
    error = UnknownField(
        "no key",
        metadata={"object": "Lead", "field": "K__c"},
        violations=[FieldViolation("external_id.field", "no key"), FieldViolation("fields.A", "unknown")],
        retry_after_seconds=2.0,
    )

    with pytest.raises(UnknownField) as raised, relocating(in_record(RecordRef())):
        raise error

    assert ["record.external_id.field", "fields.A"] == [violation.field for violation in raised.value.violations]
    assert ("no key", error.metadata, 2.0) == (
        raised.value.message,
        raised.value.metadata,
        raised.value.retry_after_seconds,
    )
    assert "external_id.field" == error.violations[0].field
    assert error is raised.value.__cause__


def test_an_error_that_names_no_other_path_is_passed_on():
    """Nothing is made anew where nothing changes."""
    error = RowLocked("locked")

    with pytest.raises(RowLocked) as raised, relocating(in_record(RecordRef())):
        raise error

    assert error is raised.value


def test_an_error_that_takes_further_arguments():
    """Whatever the class of an error, it can be told under another path."""
    with pytest.raises(MalformedQuery) as raised, relocating(lambda path: f"query.{path}"):
        raise MalformedQuery("no", row=1, column=2)

    assert {"row": "1", "column": "2"} == raised.value.metadata
    assert ["query.soql"] == [violation.field for violation in raised.value.violations]
