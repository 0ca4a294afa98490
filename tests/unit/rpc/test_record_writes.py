"""The contract's writes as an org takes them."""

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.v1 import record_operation_pb2 as pb
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import (
    CreateRecordRequest,
    DeleteRecordRequest,
    UpdateRecordRequest,
    UpsertRecordRequest,
)

from service.errors import InvalidFieldValue, InvalidRequest, SluicegateError
from service.rpc import record_writes
from service.salesforce.calls.writes import ExternalKey, JsonValue, NodeId, Operation, Write, WriteOptions
from service.salesforce.ids import to_18

ID = "001ZM000001n4n5YAA"
BY_ID = RecordRef(object="Account", id=ID)
BY_KEY = RecordRef(object="Account", external_id=ExternalId(field="Ext__c", value="A-1"))
KEY = ExternalKey("Ext__c", "A-1")
FIELDS = {"Name": FieldValue(string_value="Acme")}
VALUES: dict[str, JsonValue] = {"Name": "Acme"}


def by(field: str, value: str) -> ExternalId:
    """Return an external id."""
    return ExternalId(field=field, value=value)


def node(
    name: str, **operation: pb.RecordCreate | pb.RecordUpdate | pb.RecordUpsert | pb.RecordDelete
) -> pb.RecordNode:
    """Return a node of a graph."""
    return pb.RecordNode(name=name, operation=pb.RecordOperation(**operation))  # type: ignore[arg-type]


UPSERT = pb.RecordUpsert(object="Account", external_id=by("Ext__c", "A-1"), fields=FIELDS)
UPDATE_ONLY = pb.RecordUpsert(object="Account", external_id=by("Ext__c", "A-1"), fields=FIELDS, update_only=True)
OPERATIONS = [
    (pb.RecordOperation(create=pb.RecordCreate(object="Account", fields=FIELDS)), (Operation.CREATE, VALUES, "", None)),
    (pb.RecordOperation(update=pb.RecordUpdate(record=BY_ID, fields=FIELDS)), (Operation.UPDATE, VALUES, ID, None)),
    (pb.RecordOperation(update=pb.RecordUpdate(record=BY_KEY, fields=FIELDS)), (Operation.UPDATE, VALUES, "", KEY)),
    (pb.RecordOperation(upsert=UPSERT), (Operation.UPSERT, VALUES, "", KEY)),
    (pb.RecordOperation(upsert=UPDATE_ONLY), (Operation.UPDATE, VALUES, "", KEY)),
    (pb.RecordOperation(delete=pb.RecordDelete(record=BY_ID)), (Operation.DELETE, {}, ID, None)),
    (pb.RecordOperation(delete=pb.RecordDelete(record=BY_KEY)), (Operation.DELETE, {}, "", KEY)),
]


@pytest.mark.parametrize(("operation", "expected"), OPERATIONS)
def test_each_operation_is_a_write(operation, expected):
    """Every operation of the contract, by id and by external id, reaches the org as what it is."""
    kind, values, record_id, key = expected

    write = record_writes.to_write(operation, in_graph=False)

    size = getattr(operation, operation.WhichOneof("operation")).ByteSize()
    assert Write(kind, "Account", values, record_id, key, size) == write
    assert size > 0


def test_a_request_for_one_record_is_its_operation():
    """The same write comes of an operation alone and of one among several."""
    create = CreateRecordRequest(object="Account", fields=FIELDS)
    upsert = UpsertRecordRequest(object="Account", external_id=by("Ext__c", "A-1"), fields=FIELDS, update_only=True)

    writes = [
        record_writes.to_create(create),
        record_writes.to_update(UpdateRecordRequest(record=BY_ID, fields=FIELDS)),
        record_writes.to_upsert(upsert),
        record_writes.to_delete(DeleteRecordRequest(record=BY_KEY)),
    ]

    among_several = [OPERATIONS[place][0] for place in (0, 1, 4, 6)]
    assert [record_writes.to_write(operation, in_graph=False) for operation in among_several] == writes


@pytest.mark.parametrize("field", ["Id", "ID", "id"])
@pytest.mark.parametrize("value", [ID, ID[:15], ID.lower()])
def test_the_field_id_names_a_record_by_its_id(field, value):
    """`Id` is no external id: what it finds is written by id, in the long form, and never created."""
    external_id = by(field, value)
    record = RecordRef(object="Account", external_id=external_id)

    writes = [
        record_writes.to_upsert(pb.RecordUpsert(object="Account", external_id=external_id, fields=FIELDS)),
        record_writes.to_update(pb.RecordUpdate(record=record, fields=FIELDS)),
    ]

    found = [(each.operation, each.values, each.record_id, each.key) for each in writes]
    assert [(Operation.UPDATE, VALUES, ID, None)] * 2 == found
    assert (ID, None) == record_writes.to_key(record)


def test_an_id_that_is_repeated_among_the_values():
    """The id names the record and is not set; another one is refused."""
    same = {**FIELDS, "id": FieldValue(string_value=ID[:15])}
    upsert = pb.RecordUpsert(object="Account", external_id=by("Id", ID), fields=same)

    assert VALUES == record_writes.to_upsert(upsert).values

    for other in (FieldValue(string_value="001ZM000001n4n6YAA"), FieldValue(int64_value=1), FieldValue(null_value=0)):  # type: ignore[arg-type]
        upsert.fields["id"].CopyFrom(other)
        with pytest.raises(InvalidRequest) as raised:
            record_writes.to_upsert(upsert)
        assert ["fields.id"] == [violation.field for violation in raised.value.violations]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.RecordDelete(record=RecordRef(object="Account", id="001ZM000001n4n5YAB")), "record.id"),
        (pb.RecordDelete(record=RecordRef(object="A", external_id=by("Id", "A-1"))), "record.external_id.value"),
        (pb.RecordUpsert(object="A", external_id=by("Id", "A-1")), "external_id.value"),
    ],
)
def test_a_damaged_id_is_named(message, field):
    """An id that is none is refused under the path of the request, before anything is asked of Salesforce."""
    translate = record_writes.to_delete if isinstance(message, pb.RecordDelete) else record_writes.to_upsert

    with pytest.raises(InvalidRequest, match=f"^{field} is no record's id: ") as raised:
        translate(message)

    assert [field] == [violation.field for violation in raised.value.violations]


@given(st.text(min_size=1, max_size=255), st.booleans())
def test_an_external_id_of_any_characters(value, update_only):
    """An external id reaches the org as it was given, whatever is in it."""
    external_id = by("Ext__c", value)

    upsert = record_writes.to_upsert(pb.RecordUpsert(object="A", external_id=external_id, update_only=update_only))

    assert ExternalKey("Ext__c", value) == upsert.key
    assert upsert.key == record_writes.to_key(RecordRef(object="A", external_id=external_id))[1]


@given(st.text("0123456789ABCXYZabcxyz", min_size=15, max_size=15))
def test_an_id_travels_in_its_long_form(short):
    """Whichever form of an id the caller has, the org sees one."""
    for form in (short, to_18(short), to_18(short).upper()):
        assert (to_18(short), None) == record_writes.to_key(RecordRef(object="A", id=form))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (pb.WriteOptions(), WriteOptions()),
        (pb.WriteOptions(allow_duplicates=True), WriteOptions(allow_duplicates=True)),
        (
            pb.WriteOptions(duplicate_rules_as_current_user=True),
            WriteOptions(duplicate_rules_as_current_user=True),
        ),
        (pb.WriteOptions(skip_assignment_rule=True), WriteOptions(assignment="FALSE")),
        (pb.WriteOptions(skip_assignment_rule=False), WriteOptions()),
        (pb.WriteOptions(assignment_rule_id="01QZM0000001abc"), WriteOptions(assignment=to_18("01QZM0000001abc"))),
    ],
)
def test_options(options, expected):
    """Each option says how Salesforce is to write, and an absent message says nothing."""
    assert (expected, None) == record_writes.to_options(UpsertRecordRequest(options=options))
    assert (WriteOptions(), None) == record_writes.to_options(UpsertRecordRequest())


def test_a_damaged_assignment_rule():
    """An id that is none is refused, though Salesforce would quietly assign by another rule."""
    with pytest.raises(InvalidRequest) as raised:
        record_writes.to_options(CreateRecordRequest(options=pb.WriteOptions(assignment_rule_id="01QZM0000001abcZZZ")))

    assert ["options.assignment_rule_id"] == [violation.field for violation in raised.value.violations]


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        (pb.WriteOptions(), None),
        (pb.WriteOptions(max_wait=Duration()), 0.0),
        (pb.WriteOptions(max_wait=Duration(seconds=2, nanos=500_000_000)), 2.5),
    ],
)
def test_how_long_a_record_may_wait(options, seconds):
    """Zero is never to wait, absent leaves it to the org."""
    assert (WriteOptions(), seconds) == record_writes.to_options(UpsertRecordRequest(options=options))


def test_the_nodes_of_a_graph():
    """A node keeps its name, and its values may be other nodes' ids."""
    contact = pb.RecordCreate(object="Contact", fields={"AccountId": FieldValue(node_value="account")})

    account, person = record_writes.to_nodes([node("account", upsert=UPSERT), node("person", create=contact)])

    upsert = Write(Operation.UPSERT, "Account", VALUES, key=KEY, size=UPSERT.ByteSize())
    assert ("account", upsert) == (account.name, account.write)
    assert ("person", {"AccountId": NodeId("account")}) == (person.name, person.write.values)


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("nodes[0].operation.update.fields.Name", "nodes[0].operation.upsert.fields.Name"),
        ("nodes[0].operation.update.external_id.field", "nodes[0].operation.upsert.external_id.field"),
        ("nodes[0].operation.update.object", "nodes[0].operation.upsert.object"),
        ("nodes[1].operation.update.fields.Name", "nodes[1].operation.update.fields.Name"),
        ("nodes[1].operation.update.external_id.field", "nodes[1].operation.update.record.external_id.field"),
        ("nodes[2].operation.delete.object", "nodes[2].operation.delete.record.object"),
        ("nodes[0].operation.update.record.id", "nodes[0].operation.upsert.external_id.value"),
        ("nodes[1].operation.update.record.id", "nodes[1].operation.update.record.external_id.value"),
        ("nodes[1].name", "nodes[1].name"),
        ("nodes[3].operation.create.fields.Name", "nodes[3].operation.create.fields.Name"),
        ("request_id", "request_id"),
    ],
)
def test_the_paths_of_a_graph(below, above):
    """Faults that are found further down are told under what the caller wrote: an update may be an upsert's."""
    nodes = [
        node("first", upsert=UPDATE_ONLY),
        node("second", update=pb.RecordUpdate(record=BY_KEY, fields=FIELDS)),
        node("third", delete=pb.RecordDelete(record=BY_KEY)),
    ]

    assert above == record_writes.in_nodes(nodes)(below)


def test_the_path_of_an_id():
    """A bad id is told where the caller wrote it, which may be an external id of the field `Id`."""
    by_field = RecordRef(object="Account", external_id=by("Id", ID))

    assert "record.id" == record_writes.in_record(BY_ID)("record.id")
    assert "record.external_id.value" == record_writes.in_record(by_field)("record.id")
    assert "external_id.value" == record_writes.in_upsert("record.id")


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ({"create": pb.RecordCreate(object="A", fields={"F": FieldValue()})}, "create.fields.F"),
        ({"update": pb.RecordUpdate(record=BY_ID, fields={"F": FieldValue()})}, "update.fields.F"),
        ({"update": pb.RecordUpdate(record=RecordRef(object="A", id="0" * 17 + "9"))}, "update.record.id"),
        ({"upsert": pb.RecordUpsert(object="A", external_id=by("Id", "x"))}, "upsert.external_id.value"),
        ({"delete": pb.RecordDelete(record=RecordRef(object="A", id="0" * 17 + "9"))}, "delete.record.id"),
    ],
)
def test_a_fault_within_a_graph(operation, path):
    """The refusal says which node it was, by name, by number and in the path of the field."""
    good = node("good", upsert=UPSERT)

    with pytest.raises(SluicegateError) as raised:
        record_writes.to_nodes([good, good, node("bad", **operation), good])

    error = raised.value
    assert [f"nodes[2].operation.{path}"] == [violation.field for violation in error.violations]
    assert {"node": "bad", "node_index": "2", "nodes": "4"}.items() <= error.metadata.items()
    assert error.message.startswith("node 'bad': ")
    assert error.message.endswith("; nothing was written")


def test_the_id_of_a_node_outside_of_a_graph():
    """What has no nodes refuses their ids, and says what to give instead."""
    create = pb.RecordCreate(object="Contact", fields={"AccountId": FieldValue(node_value="account")})

    with pytest.raises(InvalidFieldValue, match="give the id as string_value"):
        record_writes.to_write(pb.RecordOperation(create=create), in_graph=False)
