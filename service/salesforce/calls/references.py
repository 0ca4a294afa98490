"""References from one subrequest of a composite call to another, `@{name.id}`, and text that would be taken for one.

Source: Salesforce REST API, "Composite", "Using Reference IDs". It has no escape for the mark that begins a reference.
"""

from collections.abc import Iterator, Mapping

from service.errors import FieldViolation, InvalidRequest
from service.salesforce.calls.paths import is_segment
from service.salesforce.calls.writes import JsonValue, NodeId, Operation, Write

_MARK = "@{"
_LITERALLY = (
    f"holds {_MARK!r}, which Salesforce would take for a reference to another record of the call; "
    "write this record by a call of its own"
)


def is_literal(write: Write) -> bool:
    """Tell whether a write may travel among other subrequests.

    Not if some of its text would be taken for a reference, nor if its external id is refused: that would fail them all.
    """
    return next(_marked(write), None) is None and (write.key is None or is_segment(write.key.value))


def check(write: Write, nodes: Mapping[str, Write]) -> None:
    """Refuse what a write cannot say in a call whose subrequests refer to each other.

    Args:
        write: The write.
        nodes: Every write of the call by the name of its node.

    Raises:
        InvalidRequest: Text holds the mark of a reference, or a reference leads to no node or to a deletion. The paths
            of the violations begin below the operation: `fields.X`, `external_id.value`.

    """
    problems = [FieldViolation(path, _LITERALLY) for path in _marked(write)]
    for name, value in write.values.items():
        if isinstance(value, NodeId):
            problems += [FieldViolation(f"fields.{name}", text) for text in _unreachable(value, nodes)]
    if problems:
        raise InvalidRequest(f"{problems[0].field} {problems[0].description}", violations=problems)


def bound(value: JsonValue, nodes: Mapping[str, Write]) -> JsonValue:
    """Return a value as Salesforce takes it.

    Args:
        value: Any value; of a reference `check` has nothing to say.
        nodes: Every write of the call by the name of its node.

    """
    if not isinstance(value, NodeId):
        return value
    # An update by id answers nothing that could be referred to, and its id is known.
    return nodes[value.node].record_id or f"{_MARK}{value.node}.id}}"


def _marked(write: Write) -> Iterator[str]:
    """Yield the paths of all text that would be taken for a reference, names included."""
    key = write.key
    if key is not None and (_MARK in key.value or _MARK in key.field):
        yield "external_id.value"
    for name, value in write.values.items():
        if _MARK in name or (_MARK in value if isinstance(value, str) else _is_marked(value)):
            yield f"fields.{name}"


def _is_marked(value: JsonValue) -> bool:
    return isinstance(value, Mapping) and any(_MARK in text for item in value.items() for text in item)


def _unreachable(value: NodeId, nodes: Mapping[str, Write]) -> Iterator[str]:
    write = nodes.get(value.node)
    if write is None:
        yield f"refers to a node {value.node!r}, and no node has that name"
    elif write.operation is Operation.DELETE:
        yield f"refers to the node {value.node!r}, which deletes its record"
