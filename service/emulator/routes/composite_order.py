"""Reading the subrequests of a composite call or graph; limits follow the guide, codes and texts are unverified."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from service.emulator.composition import Node
from service.emulator.faults import SalesforceFault, unparsable
from service.emulator.routes.job_order import refuse_unknown_keys
from service.emulator.subrequests import METHODS

_NODE_KEYS = frozenset({"method", "url", "referenceId", "body", "httpHeaders"})
_REFERENCE_ID = re.compile(r"[A-Za-z0-9_]+")
_OWN_HEADERS = frozenset({"accept", "authorization", "content-type"})


def read_nodes(entries: Sequence[Any]) -> list[Node]:
    """Return subrequests in their order.

    Args:
        entries: JSON of `compositeRequest`.

    Raises:
        SalesforceFault: 400 for the whole call: a member is missing, of the wrong type or unknown, a method is not in
            upper case, a reference id is malformed or used twice, or a header is not a subrequest's to set.

    """
    nodes = [_node(entry) for entry in entries]
    seen: set[str] = set()
    for node in nodes:
        if node.reference_id in seen:
            raise refused(f"Duplicate reference ID {node.reference_id}")
        seen.add(node.reference_id)
    return nodes


def list_in(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list that has to be there and hold something.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR or INVALID_INPUT.

    """
    value = body.get(name)
    if value is None or value == []:
        raise refused(f"{name} is required and may not be empty")
    if not isinstance(value, list):
        raise unparsable(f"Cannot deserialize instance of list from the value of {name}")
    return value


def flag_in(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return a boolean.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR.

    """
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise unparsable(f"Cannot deserialize instance of boolean from the value of {name}")
    return value


def text_in(body: Mapping[str, Any], name: str) -> str:
    """Return a text that has to be there.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR or INVALID_INPUT.

    """
    value = body.get(name)
    if value is None or value == "":
        raise refused(f"{name} is required")
    if not isinstance(value, str):
        raise unparsable(f"Cannot deserialize instance of string from the value of {name}")
    return value


def method_in(body: Mapping[str, Any]) -> str:
    """Return the method of a subrequest.

    Raises:
        SalesforceFault: 400 when it is missing or none of the five, which are upper case.

    """
    method = text_in(body, "method")
    if method not in METHODS:
        raise refused(f"The method of a subrequest has to be one of {', '.join(METHODS)}, not {method[:255]}")
    return method


def refused(text: str) -> SalesforceFault:
    """Build the answer for a call whose subrequests are not as they have to be.

    Args:
        text: What is wrong.

    """
    return SalesforceFault(400, "INVALID_INPUT", text)


def too_many(text: str) -> SalesforceFault:
    """Build the answer for a call above one of the limits.

    Args:
        text: Which limit.

    """
    return SalesforceFault(400, "LIMIT_EXCEEDED", text)


def _node(entry: Any) -> Node:
    if not isinstance(entry, dict):
        raise unparsable("Cannot deserialize a subrequest: an object is expected")
    refuse_unknown_keys(entry, _NODE_KEYS)
    reference_id = text_in(entry, "referenceId")
    if not _REFERENCE_ID.fullmatch(reference_id):
        raise refused(f"Invalid reference ID {reference_id[:255]}: only letters, digits and underscores are allowed")
    return Node(reference_id, method_in(entry), text_in(entry, "url"), _headers(entry), entry.get("body"))


def _headers(entry: Mapping[str, Any]) -> dict[str, str]:
    headers = entry.get("httpHeaders") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise unparsable("Cannot deserialize instance of map from the value of httpHeaders")
    for name in headers:
        if name.lower() in _OWN_HEADERS:
            raise refused(f"The header {name} cannot be specified in a subrequest")
    return headers
