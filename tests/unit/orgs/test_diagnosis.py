"""Finding the field that a refusal meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import (
    FieldViolation,
    InvalidFieldValue,
    InvalidReference,
    RequiredFieldMissing,
    UnknownField,
    UnknownObject,
)
from service.orgs.diagnosis import explain, needs_description, without_key
from service.orgs.write_rules import WriteRules
from service.salesforce.calls.describe import Field, SObject

FIELDS = (
    Field("LastName", "string"),
    Field("Company", "string"),
    Field("AnnualRevenue", "currency"),
    Field("NumberOfEmployees", "int"),
    Field("IsConverted", "boolean"),
    Field("Born__c", "date"),
    Field("Seen__c", "datetime"),
    Field("At__c", "time"),
    Field("Ext__c", "string", externalId=True, idLookup=True),
    Field("Email", "email", idLookup=True),
    Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("Group", "User")),
)
LEAD = SObject("Lead", {field.name.lower(): field for field in FIELDS}, {"owner": FIELDS[-1]})
RULES = WriteRules(LEAD)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidFieldValue("m"), True),
        (InvalidFieldValue("m", violations=[FieldViolation("fields.A", "d")]), False),
        (UnknownField("m", metadata={"field": "A"}), True),
        (UnknownField("m", metadata={"field": "A", "nearest": "B"}), False),
        (UnknownObject("m"), True),
        (RequiredFieldMissing("m"), False),
    ],
)
def test_a_description_is_read_only_where_it_helps(error, expected):
    """A call to Salesforce is spent only for a refusal that names no field, or a wrong one."""
    assert expected == needs_description(error)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("AnnualRevenue", "much", "AnnualRevenue takes a number"),
        ("annualrevenue", True, "AnnualRevenue takes a number"),
        ("NumberOfEmployees", "seven", "NumberOfEmployees takes a number"),
        ("IsConverted", "yes", "IsConverted takes true or false"),
        ("IsConverted", 1, "IsConverted takes true or false"),
        ("Born__c", "soon", "Born__c takes a date"),
        ("Born__c", 5, "Born__c takes a date"),
        ("Born__c", "2026-03-01T00:00:00Z", "Born__c takes a date"),
        ("Born__c", "2026-02-30", "Born__c takes a date"),
        ("Seen__c", True, "Seen__c takes a dateTime"),
        ("Seen__c", "2026-03-01", "Seen__c takes a dateTime"),
        ("Seen__c", "2026-03-01T12:34:56", "Seen__c takes a dateTime"),
        ("Seen__c", "2026-03-01 12:34:56Z", "Seen__c takes a dateTime"),
        ("At__c", "noon", "At__c takes a time"),
        ("At__c", "24:00:00Z", "At__c takes a time"),
        ("At__c", "13:05", "At__c takes a time"),
    ],
)
def test_the_field_of_the_wrong_type_is_named(field, value, says):
    """The violation has the caller's spelling in its path and the description's in its text."""
    error = InvalidFieldValue("Cannot deserialize", metadata={"salesforce_error_code": "JSON_PARSER_ERROR"})

    found = explain(error, {"LastName": "Curie", field: value}, RULES)

    assert [f"fields.{field}"] == [violation.field for violation in found.violations]
    assert found.message.startswith(says)
    assert {"salesforce_error_code": "JSON_PARSER_ERROR", "fields": field} == found.metadata
    assert "much" not in found.message


def test_every_field_of_the_wrong_type_is_named():
    """All are told at once, in the caller's order."""
    found = explain(InvalidFieldValue("m"), {"Born__c": "soon", "Company": "A", "IsConverted": "no"}, RULES)

    assert "Born__c,IsConverted" == found.metadata["fields"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"AnnualRevenue": None, "IsConverted": None},
        {"AnnualRevenue": Decimal("1.5"), "NumberOfEmployees": 3, "IsConverted": False},
        {"AnnualRevenue": "1.5", "NumberOfEmployees": "", "IsConverted": "TRUE"},
        {"Born__c": "2026-03-01", "Seen__c": "2026-03-01T12:34:56Z", "At__c": "13:05:00Z"},
        {"Unknown__c": "x", "LastName": 5},
    ],
)
def test_where_nothing_stands_out_the_error_stays(values):
    """A field is not accused without a reason."""
    error = InvalidFieldValue("m")

    assert explain(error, values, RULES) is error


@pytest.mark.parametrize(
    ("field", "nearest"), [("Compny", "Company"), ("NumberOfEmployee", "NumberOfEmployees"), ("Zzzzzzz", None)]
)
def test_an_unknown_field_gets_the_nearest_name(field, nearest):
    """A misspelt name is answered with the right one, and one that is near nothing is left alone."""
    error = UnknownField("Lead has no field", metadata={"object": "Lead", "field": field})

    found = explain(error, {field: "x"}, RULES)

    assert nearest == found.metadata.get("nearest")
    assert (found is error) == (nearest is None)


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.decimals(allow_nan=False)


@given(st.dictionaries(st.sampled_from([field.name for field in FIELDS] + ["X__c"]), scalars))
def test_no_value_is_repeated(values):
    """Whatever was written, the explanation holds names and types only."""
    found = explain(InvalidFieldValue("m"), values, RULES)

    known = {f"fields.{name}" for name in values}
    assert {violation.field for violation in found.violations} <= known
    assert all(" takes " in violation.description for violation in found.violations)


@pytest.mark.parametrize(("key", "nearest"), [("Exd__c", "Ext__c"), ("LastName", None), ("", None)])
def test_a_field_that_is_no_external_id(key, nearest):
    """The field is named in place of the sObject, with those that would do."""
    error = UnknownObject("m", metadata={"object": "lead", "external_id_field": key, "http_status": "404"})

    found = explain(error, {}, RULES)

    assert UnknownField is type(found)
    assert f"{key!r} is no external id of Lead; there are: Id, Ext__c" == found.message
    assert ["external_id.field"] == [violation.field for violation in found.violations]
    assert ("Lead", key, nearest) == (found.metadata["object"], found.metadata["field"], found.metadata.get("nearest"))
    assert "404" == found.metadata["http_status"]


@pytest.mark.parametrize(
    "error",
    [
        UnknownObject("m", metadata={"object": "lead", "external_id_field": "Exd__c"}),
        UnknownField("m", metadata={"field": "Compny"}),
        InvalidFieldValue("m"),
        InvalidReference("m", violations=[FieldViolation("fields.OwnerId", "d")]),
    ],
)
def test_an_sobject_of_which_nothing_is_known_explains_nothing(error):
    """Where fields are not checked there is no description to find a fault in."""
    assert error is explain(error, {"Owner": {"Ext__c": "U-1"}, "Compny": "x"}, WriteRules(SObject("lead", {}, {})))


@pytest.mark.parametrize("key", ["ext__C", "Email"])
def test_a_field_that_finds_records(key):
    """A field that can find records is not at fault, and the error stays what it was."""
    error = UnknownObject("m", metadata={"external_id_field": key})

    assert error is explain(error, {}, RULES)
    assert without_key(error, LEAD) is None


def test_an_unknown_sobject_without_a_key_is_not_the_keys_fault():
    """Who named no external id is not told of one."""
    error = UnknownObject("m", metadata={"object": "lead"})

    assert error is explain(error, {"LastName": "Curie"}, RULES)


@pytest.mark.parametrize(
    ("given", "place"),
    [("Owner", "fields.Owner"), ("ownerid", "fields.ownerid"), ("Company", "fields.OwnerId")],
)
def test_fields_are_named_where_the_request_has_them(given, place):
    """Salesforce names the lookup field in its own spelling; the caller may have given the relationship, or another."""
    violations = [
        FieldViolation("fields.OwnerId", "OwnerId: no User has that Ext__c"),
        FieldViolation("record.id", "d"),
    ]
    error = InvalidReference("m", metadata={"fields": "OwnerId"}, violations=violations, retry_after_seconds=2)

    found = explain(error, {given: {"Ext__c": "U-1"}}, RULES)

    assert [place, "record.id"] == [violation.field for violation in found.violations]
    assert (InvalidReference, "m", {"fields": "OwnerId"}, 2) == (
        type(found),
        found.message,
        found.metadata,
        found.retry_after_seconds,
    )
    assert ["fields.OwnerId", "record.id"] == [violation.field for violation in error.violations]


def test_a_relationship_is_no_misspelt_field():
    """A lookup that exists was not misspelt, whatever else is wrong with it."""
    error = UnknownField("m", metadata={"field": "Owner"})

    assert error is explain(error, {}, RULES)
