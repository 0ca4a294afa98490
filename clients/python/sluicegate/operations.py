"""Writes as values: those of `apply_records`, and the nodes of `compose_records`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sluicegate.records import RecordRef, check_text, encode_ref
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_operation_pb2 import (
    RecordCreate,
    RecordDelete,
    RecordNode,
    RecordOperation,
    RecordUpdate,
    RecordUpsert,
)
from sluicegate.values import Value, encode_values


@dataclass(frozen=True, slots=True)
class Create:
    """Create a record."""

    object: str
    """API name of the sObject, for example `Lead`."""
    fields: Mapping[str, Value] = field(default_factory=dict)
    """Values by API name of the field, or of the relationship for a `Reference`."""


@dataclass(frozen=True, slots=True)
class Update:
    """Update a record that exists."""

    record: RecordRef
    """The record."""
    fields: Mapping[str, Value]
    """Values by API name of the field, or of the relationship for a `Reference`; None writes null."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """Create a record, or update the one that has the external id."""

    object: str
    """API name of the sObject, for example `Lead`."""
    external_id_field: str
    """API name of the external-id field."""
    external_id: str
    """The external id."""
    fields: Mapping[str, Value] = field(default_factory=dict)
    """Values by API name of the field, or of the relationship for a `Reference`; None writes null."""
    update_only: bool = False
    """Refuse with RECORD_NOT_FOUND instead of creating a record."""

    def __post_init__(self) -> None:
        check_text("external_id", self.external_id)


@dataclass(frozen=True, slots=True)
class Delete:
    """Move a record to the recycle bin."""

    record: RecordRef
    """The record."""


Operation: TypeAlias = Create | Update | Upsert | Delete
"""One write."""


@dataclass(frozen=True, slots=True)
class Node:
    """One write of an atomic graph."""

    name: str
    """What other nodes call the record in `NodeId`. Case matters, and no two nodes of a graph share a name."""
    operation: Operation
    """What to do."""


def encode_operations(operations: Iterable[Operation]) -> list[RecordOperation]:
    """Make the messages of writes.

    Raises:
        TypeError: An operation or one of its values is of a type that is not taken; the text starts with its index.
        ValueError: A value cannot be sent; the text starts with the operation's index.

    """
    return [_placed(f"operations[{index}]", operation) for index, operation in enumerate(operations)]


def encode_nodes(nodes: Iterable[Node]) -> list[RecordNode]:
    """Make the messages of the nodes of a graph.

    Raises:
        TypeError: As `encode_operations`; the text starts with the node's name.
        ValueError: As `encode_operations`; the text starts with the node's name.

    """
    return [_node(index, node) for index, node in enumerate(nodes)]


def _node(index: int, node: Node) -> RecordNode:
    if not isinstance(node, Node):
        raise TypeError(f'nodes[{index}] is {type(node).__name__}; give it a name: Node("acc", Create(...))')
    return RecordNode(name=node.name, operation=_placed(f"node {node.name!r}", node.operation))


def _placed(place: str, operation: Operation) -> RecordOperation:
    try:
        return _encode(operation)
    except TypeError as error:
        raise TypeError(f"{place}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _encode(operation: Operation) -> RecordOperation:
    match operation:
        case Create():
            create = RecordCreate(object=operation.object, fields=encode_values(operation.fields))
            return RecordOperation(create=create)
        case Update():
            update = RecordUpdate(record=encode_ref(operation.record), fields=encode_values(operation.fields))
            return RecordOperation(update=update)
        case Upsert():
            upsert = RecordUpsert(
                object=operation.object,
                external_id=ExternalId(field=operation.external_id_field, value=operation.external_id),
                fields=encode_values(operation.fields),
                update_only=operation.update_only,
            )
            return RecordOperation(upsert=upsert)
        case Delete():
            return RecordOperation(delete=RecordDelete(record=encode_ref(operation.record)))
    raise TypeError(f"{type(operation).__name__} is no operation; give a Create, Update, Upsert or Delete")
