"""References between subrequests, and text that would be taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.salesforce.calls import references
from service.salesforce.calls.writes import ExternalKey, NodeId, Operation, Write

ID = "001000000000001AAA"
NODES = {
    "made": Write(Operation.CREATE, "Account"),
    "found": Write(Operation.UPSERT, "Account", key=ExternalKey("Ext__c", "A")),
    "known": Write(Operation.UPDATE, "Account", {"Name": "x"}, record_id=ID),
    "gone": Write(Operation.DELETE, "Account", record_id=ID),
}


@pytest.mark.parametrize(
    ("write", "path"),
    [
        (Write(Operation.CREATE, "Lead", {"LastName": "@{made.id}"}), "fields.LastName"),
        (Write(Operation.CREATE, "Lead", {"LastName": "to @{ or not"}), "fields.LastName"),
        (Write(Operation.CREATE, "Lead", {"Owner": {"Ext__c": "@{made.id}"}}), "fields.Owner"),
        (Write(Operation.CREATE, "Lead", {"Owner": {"@{made.id}": "7"}}), "fields.Owner"),
        (Write(Operation.CREATE, "Lead", {"@{made.id}": 1}), "fields.@{made.id}"),
        (Write(Operation.UPSERT, "Lead", {}, key=ExternalKey("Ext__c", "@{made.id}")), "external_id.value"),
        (Write(Operation.DELETE, "Lead", key=ExternalKey("Ext__c", "a@{b")), "external_id.value"),
    ],
)
def test_the_mark_of_a_reference_is_refused(write, path):
    """Text that Salesforce would read as a reference is refused by field, wherever it stands, and may not travel."""
    with pytest.raises(InvalidRequest) as raised:
        references.check(write, NODES)

    assert [path] == [violation.field for violation in raised.value.violations]
    assert "made.id" not in raised.value.violations[0].description
    assert not references.is_literal(write)


def test_every_fault_is_told():
    """All fields at fault are named at once."""
    write = Write(Operation.CREATE, "Lead", {"A": "@{", "B": NodeId("nobody"), "C": NodeId("gone"), "D": "fine"})

    with pytest.raises(InvalidRequest) as raised:
        references.check(write, NODES)

    told = {violation.field: violation.description for violation in raised.value.violations}
    assert ["fields.A", "fields.B", "fields.C"] == list(told)
    assert "no node has that name" in told["fields.B"]
    assert "deletes its record" in told["fields.C"]


@given(st.text(alphabet="@{}. aA$%", max_size=12))
def test_only_the_mark_is_refused(text):
    """Any text without the mark may travel, and any text with it may not."""
    write = Write(Operation.UPDATE, "Lead", {"LastName": text}, key=ExternalKey("Ext__c", "7"))

    assert ("@{" not in text) == references.is_literal(write)


@pytest.mark.parametrize("value", [".", ".."])
def test_a_refused_external_id_does_not_travel_with_others(value):
    """An external id that cannot stand in a path fails one record, not those that it would travel with."""
    assert not references.is_literal(Write(Operation.DELETE, "Lead", key=ExternalKey("Ext__c", value)))


@pytest.mark.parametrize(
    ("node", "bound"),
    [("made", "@{made.id}"), ("found", "@{found.id}"), ("known", ID)],
)
def test_what_a_reference_becomes(node, bound):
    """Salesforce is told whose answer holds the id, except where the id is known, since an update answers none."""
    write = Write(Operation.CREATE, "Contact", {"AccountId": NodeId(node)})

    references.check(write, NODES)

    assert bound == references.bound(write.values["AccountId"], NODES)


@pytest.mark.parametrize("value", [None, True, 7, "x", {"Ext__c": "7"}])
def test_other_values_stay(value):
    """What is no reference is written as it is."""
    assert value is references.bound(value, NODES)
