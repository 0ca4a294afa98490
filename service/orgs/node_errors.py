"""Errors of one node of an atomic graph: which node it was, under the paths of the request."""

from collections.abc import Mapping, Sequence

from service.errors import FieldViolation, SluicegateError
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import Operation


def of_node(error: SluicegateError, nodes: Sequence[Node], index: int) -> SluicegateError:
    """Return why a graph was not written, of the class of the error of the node that is at fault.

    Args:
        error: The node's error; its paths are those of a single write, `fields.LastName`, or begin with `nodes`.
        nodes: The graph in the caller's order.
        index: The node's place in it, from 0.

    """
    node = nodes[index]
    return of_named(error, node.name, node.write.operation, index, count=len(nodes))


def of_named(error: SluicegateError, name: str, operation: Operation, index: int, *, count: int) -> SluicegateError:
    """Return what `of_node` does of a node that may not have become one.

    Args:
        error: The node's error.
        name: The node's name.
        operation: What it was to do, which its path says.
        index: Its place in the caller's order, from 0.
        count: How many nodes the graph has.

    """
    within = f"nodes[{index}].operation.{operation.value}."
    violations = [
        item if item.field.startswith("nodes[") else FieldViolation(f"{within}{item.field}", item.description)
        for item in error.violations
    ]
    facts = {"node": name, "node_index": str(index), "nodes": str(count)}
    return remade(error, f"node {name!r}: {error.message}; nothing was written", violations, facts)


def remade(
    error: SluicegateError, message: str, violations: Sequence[FieldViolation], facts: Mapping[str, str]
) -> SluicegateError:
    """Return an error like another one, which may have other owners and is left as it is.

    Args:
        error: What it is like.
        message: Its text.
        violations: Its violations.
        facts: Metadata that it has beside the other's.

    """
    # Some classes take further arguments, which are in the metadata by now.
    made: SluicegateError = error.__class__.__new__(error.__class__)
    SluicegateError.__init__(
        made,
        message,
        metadata={**error.metadata, **facts},
        violations=violations,
        retry_after_seconds=error.retry_after_seconds,
    )
    return made
