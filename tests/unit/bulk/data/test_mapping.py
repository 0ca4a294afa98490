"""A mapping that does not fit the data's header is refused with the columns at fault and what to do."""

import pytest

from service import errors
from service.bulk.data.mapping import FieldMapping, arrange


@pytest.mark.parametrize(
    ("header", "mapping", "says"),
    [
        (
            ["Name", "LastName"],
            FieldMapping({"Name": "lastname"}),
            "column 'LastName' and column 'Name' both go to LastName; leave one of them out",
        ),
        (
            ["Ext__c", "LEADSOURCE"],
            FieldMapping(constants={"LeadSource": "Fair"}),
            "column 'LEADSOURCE' and a constant both go to LEADSOURCE; leave one of them out",
        ),
        (["A", "A"], FieldMapping(), "the header names column 'A' twice; drop one of them"),
        (
            ["A"],
            FieldMapping({"a": "B"}),
            "the mapping names column 'a', which the data does not have; did you mean 'A'?",
        ),
        (["A"], FieldMapping(ignored=frozenset({"A"})), "every column is ignored; keep at least one"),
    ],
)
def test_two_values_for_one_field_and_names_that_are_not_there(header, mapping, says):
    """What takes the same field is named as the caller wrote it, be it a column or a constant."""
    with pytest.raises(errors.InvalidData) as caught:
        arrange(header, mapping)

    assert (0, says) == (caught.value.row, caught.value.message)


@pytest.mark.parametrize(
    ("header", "remedy"),
    [
        (["Ext__c", " LastName"], "column 2 is named ' LastName', .*; rename it, or map it to a field or to nothing"),
        (["Last Name"], "; rename it, or map it to a field or to nothing"),
        (["Ext__c,LastName,Company"], "; name the delimiter that the data has, or none"),
        (["Ext__c;LastName"], "; name the delimiter that the data has, or none"),
        (["sep=", ""], "; remove this line, which is meant for Excel"),
    ],
)
def test_a_name_that_no_field_can_have(header, remedy):
    """It comes with what is probably to be done: to map it, to name the delimiter, or to drop Excel's first line."""
    with pytest.raises(errors.InvalidData, match=remedy) as caught:
        arrange(header, FieldMapping())

    assert 0 == caught.value.row


def test_constants_count_as_columns():
    """Salesforce takes 5,000 columns, with those that are the same in all rows."""
    mapping = FieldMapping(constants={f"C{number}": "x" for number in range(5000)})

    with pytest.raises(errors.InvalidData, match="more than 5,000 columns"):
        arrange(["A"], mapping)


def test_what_a_load_before_told_stays_out():
    """Its columns need no mapping to be left out, and stay where one asks for them."""
    header = ["sluicegate_row", "LastName", "sluicegate_message"]
    mapping = FieldMapping({"sluicegate_message": "Why__c"})

    assert (("LastName",), (1,)) == (arrange(header, FieldMapping()).columns, arrange(header, FieldMapping()).kept)
    assert ("LastName", "Why__c") == arrange(header, mapping).columns


@pytest.mark.parametrize(
    ("fields", "constants"),
    [({"a": "Name", "b": "NAME"}, {}), ({"a": "Name"}, {"name": "x"}), ({}, {"A": "x", "a": "y"})],
)
def test_a_field_has_one_value(fields, constants):
    """Salesforce's names do not distinguish case, so neither do two values for one field."""
    with pytest.raises(errors.InvalidRequest, match="two values go to"):
        FieldMapping(fields, constants)
