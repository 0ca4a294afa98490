"""The contract's writes as an org takes them; a request for one record has the shape of the operation it stands for."""

import re
from collections.abc import Callable, Sequence

from sluicegate.v1 import record_operation_pb2 as pb
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import (
    ApplyRecordsRequest,
    ComposeRecordsRequest,
    CreateRecordRequest,
    DeleteRecordRequest,
    UpdateRecordRequest,
    UpsertRecordRequest,
)

from service.errors import FieldViolation, InvalidRequest, SluicegateError
from service.orgs.node_errors import of_named
from service.rpc.plain_values import Check
from service.rpc.values import to_json_values
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import (
    DEFAULT_OPTIONS,
    NO_ASSIGNMENT,
    ExternalKey,
    JsonValue,
    Operation,
    Write,
    WriteOptions,
)
from service.salesforce.ids import long_id

Place = Callable[[str], str]
"""Returns the path in the request of what has another path in a single write, for example `fields.LastName`."""

WithOptions = (
    CreateRecordRequest | UpdateRecordRequest | UpsertRecordRequest | ApplyRecordsRequest | ComposeRecordsRequest
)
"""A request that says how its records are written."""

_NODE_PATH = re.compile(r"nodes\[([0-9]{1,3})\]\.operation\.[a-z]+\.(.+)", re.DOTALL)

_RECORD_ID = "record.id"
_ID = "id"
"""The field of every sObject that finds a record without being an external id, in lower case."""


def to_write(operation: pb.RecordOperation, *, in_graph: bool) -> Write:
    """Return one operation of several.

    Args:
        operation: The operation; the contract's rules hold of it.
        in_graph: Whether its values may be the ids of other nodes.

    Raises:
        service.errors.InvalidRequest: An id is damaged, or two names are the same but for case.
        service.errors.InvalidFieldValue: No field can take a value.

    """
    match operation.WhichOneof("operation"):
        case "create":
            return to_create(operation.create, in_graph=in_graph)
        case "update":
            return to_update(operation.update, in_graph=in_graph)
        case "upsert":
            return to_upsert(operation.upsert, in_graph=in_graph)
        case _:
            return to_delete(operation.delete)


def to_create(message: pb.RecordCreate | CreateRecordRequest, *, in_graph: bool = False) -> Write:
    """Return a creation; raises what `to_write` does."""
    values = to_json_values(message.fields, in_graph=in_graph)
    return Write(Operation.CREATE, message.object, values, size=message.ByteSize())


def to_update(
    message: pb.RecordUpdate | UpdateRecordRequest, *, in_graph: bool = False, is_plain: Check | None = None
) -> Write:
    """Return an update; raises what `to_write` and `to_json_values` do."""
    record_id, key = to_key(message.record)
    values = to_json_values(message.fields, in_graph=in_graph, is_plain=is_plain)
    return Write(Operation.UPDATE, message.record.object, values, record_id, key, message.ByteSize())


def to_upsert(
    message: pb.RecordUpsert | UpsertRecordRequest, *, in_graph: bool = False, is_plain: Check | None = None
) -> Write:
    """Return an upsert, or the update that it is where no record may be created; raises what `to_update` does."""
    values = to_json_values(message.fields, in_graph=in_graph, is_plain=is_plain)
    record_id, key = _found_by(message.external_id, "external_id")
    if key is None:
        values = _without_id(values, record_id)
    operation = Operation.UPDATE if key is None or message.update_only else Operation.UPSERT
    return Write(operation, message.object, values, record_id, key, message.ByteSize())


def to_delete(message: pb.RecordDelete | DeleteRecordRequest) -> Write:
    """Return a deletion; raises what `to_write` does."""
    record_id, key = to_key(message.record)
    return Write(Operation.DELETE, message.record.object, {}, record_id, key, message.ByteSize())


def to_key(record: RecordRef) -> tuple[str, ExternalKey | None]:
    """Return a record's id, 18 characters, or an empty text and the external id that finds it.

    Raises:
        service.errors.InvalidRequest: The id is damaged.

    """
    if record.WhichOneof("key") == "id":
        return long_id(record.id, _RECORD_ID), None
    return _found_by(record.external_id, "record.external_id")


def to_options(request: WithOptions) -> tuple[WriteOptions, float | None]:
    """Return how the records of a request are written, and how many seconds each may be held back.

    Without the message they are the defaults, and None for the org's default.

    Raises:
        service.errors.InvalidRequest: The assignment rule's id is damaged.

    """
    if not request.HasField("options"):
        return DEFAULT_OPTIONS, None
    options = request.options
    wait = options.max_wait
    return (
        WriteOptions(
            allow_duplicates=options.allow_duplicates,
            duplicate_rules_as_current_user=options.duplicate_rules_as_current_user,
            assignment=NO_ASSIGNMENT if options.skip_assignment_rule else _rule(options.assignment_rule_id),
        ),
        wait.seconds + wait.nanos / 1e9 if options.HasField("max_wait") else None,
    )


def to_nodes(nodes: Sequence[pb.RecordNode]) -> list[Node]:
    """Return the nodes of a graph.

    Raises:
        service.errors.SluicegateError: What `to_write` raises of a node, which the metadata and the paths name.

    """
    made = []
    for index, node in enumerate(nodes):
        try:
            made.append(Node(node.name, to_write(node.operation, in_graph=True)))
        except SluicegateError as error:
            operation = Operation(str(node.operation.WhichOneof("operation")))
            raise of_named(error, node.name, operation, index, count=len(nodes)) from error
    return made


def in_create(path: str) -> str:
    """Return a path of a creation, which has the fields of a write where a write has them."""
    return path


def in_upsert(path: str) -> str:
    """Return a path of an upsert, whose external id may hold an id."""
    return "external_id.value" if path == _RECORD_ID else path


def in_record(record: RecordRef) -> Place:
    """Return what finds the paths of a request whose record is a `RecordRef`."""

    def place(path: str) -> str:
        if path == _RECORD_ID:
            return path if record.WhichOneof("key") == "id" else "record.external_id.value"
        return f"record.{path}" if path == "object" or path.startswith("external_id.") else path

    return place


def in_nodes(nodes: Sequence[pb.RecordNode]) -> Place:
    """Return what finds the paths of a graph: an upsert that must not create is an update further down."""

    def place(path: str) -> str:
        found = _NODE_PATH.fullmatch(path)
        if found is None or int(found[1]) >= len(nodes):
            return path
        index = int(found[1])
        return _in_node(index, nodes[index])(found[2])

    return place


def _in_node(index: int, node: pb.RecordNode) -> Place:
    kind = node.operation.WhichOneof("operation")
    inner: Place = in_create
    match kind:
        case "update":
            inner = in_record(node.operation.update.record)
        case "delete":
            inner = in_record(node.operation.delete.record)
        case "upsert":
            inner = in_upsert
    return lambda path: f"nodes[{index}].operation.{kind}.{inner(path)}"


def _rule(rule_id: str) -> str:
    return long_id(rule_id, "options.assignment_rule_id") if rule_id else ""


def _found_by(external_id: ExternalId, path: str) -> tuple[str, ExternalKey | None]:
    """Return an id or an external id: the field `Id` is no external id, and an update by it is one by id."""
    if external_id.field.lower() == _ID:
        return long_id(external_id.value, f"{path}.value"), None
    return "", ExternalKey(external_id.field, external_id.value)


def _without_id(values: dict[str, JsonValue], record_id: str) -> dict[str, JsonValue]:
    """Return the values but the record's id, which names the record and cannot be set."""
    name = next((name for name in values if name.lower() == _ID), None)
    if name is None:
        return values
    repeated = values.pop(name)
    if not isinstance(repeated, str) or long_id(repeated, f"fields.{name}") != record_id:
        problem = "differs from external_id.value; leave it out, or give it the same value"
        raise InvalidRequest(f"{name} {problem}", violations=[FieldViolation(f"fields.{name}", problem)])
    return values
