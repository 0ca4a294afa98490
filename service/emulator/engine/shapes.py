"""The shape of result rows: which columns to read, and how a tuple of them becomes a record.

Builders work by position: a record is one `zip` of keys and columns, then the few fields that need more are replaced.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Row: TypeAlias = tuple[Any, ...]
Record: TypeAlias = dict[str, Any]
Render: TypeAlias = Callable[[Any], object]
Builder: TypeAlias = Callable[[Row], Record | None]


@dataclass(frozen=True, slots=True)
class Width:
    """How much a record holds."""

    columns: int = 0
    """Columns that are read for it."""
    long_texts: bool = False
    """Whether there is a text of more than 255 characters among its fields."""
    blobs: bool = False
    """Whether there is binary data among its fields."""


NARROW = Width()
"""What is said of rows of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field of a record."""

    sql: str
    boolean: bool = False
    render: Render | None = None
    """What makes a stored value that is not null JSON; None when it is JSON, or a checkbox."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of an address or a location."""

    key: str
    sql: str
    render: Render | None = None


@dataclass(frozen=True, slots=True)
class Compound:
    """An address or a location: fields of the same record under one key, null when all are null."""

    parts: tuple[Part, ...]


@dataclass(slots=True)
class Node:
    """A record with its attributes: the query's own or a parent."""

    type: str
    """Value of `attributes.type`; empty where the id's prefix tells."""
    url_types: dict[str, str]
    """Name of the sObject in `attributes.url`, by key prefix of the id."""
    id_sql: str
    entries: "dict[str, Leaf | Compound | Node | Variants]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variants:
    """A TYPEOF: one shape for each type of parent, chosen by the key prefix of the id."""

    id_sql: str
    nodes: dict[str, Node]
    otherwise: Node | None


class Layout:
    """Assigns columns to shapes.

    Args:
        version: API version in the URLs of `attributes`, for example `66.0`.

    """

    def __init__(self, version: str) -> None:
        self.columns: list[str] = []
        self._base = f"/services/data/v{version}/sobjects/"

    def node(self, node: Node) -> Builder:
        """Lay out a record and return what builds it from a row; a null id gives null."""
        start = len(self.columns)
        self.columns.append(node.id_sql)
        self.columns.extend(_column(entry) for entry in node.entries.values())
        keys = ("attributes", *node.entries)
        end = start + len(keys)
        leaves = {key: entry for key, entry in node.entries.items() if isinstance(entry, Leaf)}
        booleans = tuple(key for key, leaf in leaves.items() if leaf.boolean)
        rendered = tuple((key, leaf.render) for key, leaf in leaves.items() if leaf.render is not None)
        inner = tuple((key, self._inner(entry)) for key, entry in node.entries.items() if not isinstance(entry, Leaf))
        return _builder(keys, (start, end), self._attributes(node), booleans, rendered, inner)

    def _inner(self, entry: "Compound | Node | Variants") -> Builder:
        if isinstance(entry, Node):
            return self.node(entry)
        if isinstance(entry, Variants):
            return self._variants(entry)
        start = len(self.columns)
        self.columns.extend(part.sql for part in entry.parts)
        return _compound(entry.parts, start)

    def _variants(self, entry: Variants) -> Builder:
        place = len(self.columns)
        self.columns.append(entry.id_sql)
        builders = {prefix: self.node(node) for prefix, node in entry.nodes.items()}
        otherwise = None if entry.otherwise is None else self.node(entry.otherwise)

        def build(row: Row) -> Record | None:
            builder = builders.get(row[place][:3], otherwise)
            return None if builder is None else builder(row)

        return build

    def _attributes(self, node: Node) -> Callable[[str], Record]:
        urls = {prefix: f"{self._base}{name}/" for prefix, name in node.url_types.items()}
        if node.type and len(set(urls.values())) == 1:
            kind, base = node.type, next(iter(urls.values()))
            return lambda record_id: {"type": kind, "url": base + record_id}

        def attributes(record_id: str) -> Record:
            prefix = record_id[:3]
            kind = node.type or node.url_types.get(prefix, "Name")
            return {"type": kind, "url": urls.get(prefix, f"{self._base}Name/") + record_id}

        return attributes


def _column(entry: "Leaf | Compound | Node | Variants") -> str:
    """Return the column in a record's own stretch: the value, or what tells that there is one."""
    if isinstance(entry, Leaf):
        return entry.sql
    return "1" if isinstance(entry, Compound) else entry.id_sql


def _builder(
    keys: tuple[str, ...],
    span: tuple[int, int],
    attributes: Callable[[str], Record],
    booleans: tuple[str, ...],
    rendered: tuple[tuple[str, Render], ...],
    inner: Iterable[tuple[str, Builder]],
) -> Builder:
    start, end = span
    inner = tuple(inner)

    def build(row: Row) -> Record | None:
        if row[start] is None:
            return None
        record: Record = dict(zip(keys, row[start:end], strict=True))
        record["attributes"] = attributes(row[start])
        for key in booleans:
            record[key] = record[key] == 1
        for key, render in rendered:
            value = record[key]
            if value is not None:
                record[key] = render(value)
        for key, builder in inner:
            if record[key] is not None:
                record[key] = builder(row)
        return record

    return build


def _compound(parts: tuple[Part, ...], start: int) -> Builder:
    end = start + len(parts)

    def build(row: Row) -> Record | None:
        values = row[start:end]
        if all(value is None for value in values):
            return None
        pairs = zip(parts, values, strict=True)
        return {
            part.key: value if value is None or part.render is None else part.render(value) for part, value in pairs
        }

    return build
