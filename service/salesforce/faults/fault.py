"""One error as Salesforce words it, and how errors are read from an answer's body.

Source: Salesforce REST API, "Status Codes and Error Responses". Bodies are arrays of `{message, errorCode, fields}`;
rows of collections say `statusCode`, version 1 of the Bulk API `exceptionCode`. OAuth answers objects, the edge answers
HTML.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from service.salesforce.ids import to_18

MOST_FIELDS = 100
"""Most fields of one error that are told; an answer may name any number."""
MOST_RECORDS = 20
"""Most records of one error that are told."""

_MOST_FAULTS = 20
_LONGEST_CODE = 100
_LONGEST_NAME = 255
_LONGEST_MESSAGE = 2_000
"""Characters; a query's fault has a part of the query before what is wrong with it."""
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error as Salesforce words it."""

    code: str
    message: str
    """In the language of the org's user, and often with the value that is wrong: never to be passed on as it is."""
    fields: tuple[str, ...] = ()
    duplicate_rule: str = ""
    """The rule that found duplicates; empty for other errors."""
    record_ids: tuple[str, ...] = ()
    """The duplicates, 18 characters each."""


def read(content: bytes) -> tuple[Fault, ...]:
    """Return the first 20 faults of an error body; none if the body is not one of Salesforce's JSON errors."""
    document = _document(content)
    items = document if isinstance(document, list) else [document]
    found = (_fault(item) for item in items if isinstance(item, dict) and _code(item))
    return tuple(islice(found, _MOST_FAULTS))


def read_all(content: bytes) -> Iterator[Fault]:
    """Yield every fault of an answer, however deep it stands in: those of rows, and of subrequests."""
    left = [_document(content)]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left.extend(item)
        elif isinstance(item, dict):
            if _code(item):
                yield _fault(item)
            left.extend(item.values())


def long_ids(names: Iterator[str]) -> tuple[str, ...]:
    """Return those of some names that are records' ids, 18 characters each, at most 20 of them."""
    return tuple(islice((long for name in names if (long := long_id(name))), MOST_RECORDS))


def long_id(name: str) -> str:
    """Return the 18-character form of an id; empty if the name is none."""
    if _RECORD_ID.fullmatch(name) is None:
        return ""
    try:
        return to_18(name)
    except ValueError:
        return ""


def _document(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # A text that Salesforce cut in the middle of a pair of surrogates is no reason not to know the code. Pages of
        # HTML are not even tried.
        if not content[:64].lstrip().startswith((b"[", b"{")):
            return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _fault(item: Mapping[str, Any]) -> Fault:
    fields = item.get("fields")
    names = (name for name in fields if isinstance(name, str) and name) if isinstance(fields, list) else ()
    duplicates = item.get("duplicateResult")
    found = duplicates if isinstance(duplicates, dict) else {}
    return Fault(
        _code(item),
        _text(item, "message", _LONGEST_MESSAGE),
        tuple(_whole(name[:_LONGEST_NAME]) for name in islice(names, MOST_FIELDS)),
        _text(found, "duplicateRule", _LONGEST_NAME),
        long_ids(_matches(found)),
    )


def _matches(duplicates: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the records that a duplicate rule found (Salesforce REST API, "DuplicateResult")."""
    for result in _objects(duplicates, "matchResults"):
        for match in _objects(result, "matchRecords"):
            record = match.get("record")
            if isinstance(record, dict):
                yield _text(record, "Id", _LONGEST_NAME)


def _objects(item: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    members = item.get(name)
    return (member for member in members if isinstance(member, dict)) if isinstance(members, list) else iter(())


def _code(item: Mapping[str, Any]) -> str:
    names = ("errorCode", "statusCode", "exceptionCode")
    return next((code for name in names if (code := _text(item, name, _LONGEST_CODE))), "")


def _text(item: Mapping[str, Any], name: str, longest: int) -> str:
    value = item.get(name)
    return _whole(value[:longest]) if isinstance(value, str) else ""


def _whole(text: str) -> str:
    """Return text that is UTF-8; a lone surrogate becomes `?`."""
    return text.encode(errors="replace").decode()
