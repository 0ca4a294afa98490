"""Errors of one node of an atomic graph: which node it was, under the paths of the request."""

from collections.abc import Sequence

from service.errors import FieldViolation, SluicegateError
from service.salesforce.calls.composite import Node


def of_node(error: SluicegateError, nodes: Sequence[Node], index: int) -> SluicegateError:
    """Return why a graph was not written, of the class of the error of the node that is at fault.

    Args:
        error: The node's error; its paths are those of a single write, `fields.LastName`, or begin with `nodes`.
        nodes: The graph in the caller's order.
        index: The node's place in it, from 0.

    """
    node = nodes[index]
    violations = [FieldViolation(_whole(index, node, item.field), item.description) for item in error.violations]
    # Some classes take further arguments, which are in the metadata by now.
    found: SluicegateError = error.__class__.__new__(error.__class__)
    SluicegateError.__init__(
        found,
        f"node {node.name!r}: {error.message}; nothing was written",
        metadata={**error.metadata, "node": node.name, "node_index": str(index), "nodes": str(len(nodes))},
        violations=violations,
        retry_after_seconds=error.retry_after_seconds,
    )
    return found


def _whole(index: int, node: Node, path: str) -> str:
    if path.startswith("nodes["):
        return path
    return f"nodes[{index}].operation.{node.write.operation.value}.{path}"
