"""The types that records are decoded to, made for the columns of one query, and where their values stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from service.query.columns import ColumnType, ResultColumn
from service.salesforce.answers import Int32

_NULL = msgspec.Raw(b"null")


@dataclass(slots=True)
class _Branch:
    """A record or a part of one: what stands under each key, and which of the keys may be missing."""

    entries: "dict[str, _Branch | ResultColumn]" = field(default_factory=dict)
    is_sure: bool = False


_Tree: TypeAlias = _Branch | ResultColumn


def row_type(columns: Sequence[ResultColumn]) -> type[Any]:
    """Return a struct that msgspec decodes a record into: just the columns, nested as Salesforce nests parents."""
    return _struct("Row", _tree(columns))


def attributes(keys: Iterable[str]) -> dict[str, str]:
    """Return under which attribute of a decoded record, or of a part of one, each of its keys stands.

    Args:
        keys: Those of the columns, in their order and as often as they come.

    """
    # Attributes are numbered: a field of Salesforce may be spelled like a Python keyword.
    return {key: f"f{number}" for number, key in enumerate(dict.fromkeys(keys))}


def _tree(columns: Sequence[ResultColumn]) -> _Branch:
    root = _Branch()
    for column in columns:
        branch = root
        sure_keys = len(column.keys) if column.sure_keys is None else column.sure_keys
        for depth, key in enumerate(column.keys[:-1], 1):
            inner = branch.entries.setdefault(key, _Branch())
            if not isinstance(inner, _Branch):
                raise TypeError(f"{column.name} leads through another column")
            inner.is_sure = inner.is_sure or depth <= sure_keys
            branch = inner
        branch.entries[column.keys[-1]] = column
    return root


def _struct(name: str, branch: _Branch) -> type[Any]:
    fields: list[Any] = []
    spelling: dict[str, str] = {}
    for key, attribute in attributes(branch.entries).items():
        spelling[attribute] = key
        fields.append((attribute, *_typed(key, branch.entries[key])))
    return msgspec.defstruct(name, fields, rename=spelling, gc=False, kw_only=True)


def _typed(key: str, entry: _Tree) -> tuple[Any] | tuple[Any, Any]:
    """Return what is decoded under a key, with the default of a key that may be missing.

    The others have none: Salesforce sends every selected field, so one that is missing is a fault and not a null.
    """
    if isinstance(entry, _Branch):
        inner = _struct(key, entry) | None
        return (inner,) if entry.is_sure else (inner, None)
    is_sure = entry.sure_keys is None or entry.sure_keys >= len(entry.keys)
    if not entry.is_described or entry.type is ColumnType.DECIMAL:
        # As it stands, so that numbers keep their digits.
        return (msgspec.Raw,) if is_sure else (msgspec.Raw, _NULL)
    inner = _children(entry) if entry.type is ColumnType.BATCHES else entry.type.decoded | None
    return (inner,) if is_sure else (inner, None)


def _children(column: ResultColumn) -> Any:
    """Return the struct of a child subquery's value: a page of rows, or nothing at all."""
    fields: list[Any] = [
        ("totalSize", Int32),
        ("done", bool),
        ("records", list[row_type(column.children)]),  # type: ignore[misc] # made at run time
        ("nextRecordsUrl", str | None, None),
    ]
    return msgspec.defstruct("Children", fields) | None
