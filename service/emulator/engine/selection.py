"""The SELECT list resolved: which fields under which keys, parents nested, FIELDS() spelled out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from service.emulator.engine.functions import expression
from service.emulator.engine.scope import AnyTable, Scope, Table, Term
from service.emulator.engine.shapes import Compound, Leaf, Node, Part, Variants
from service.emulator.reading import address_parts
from service.emulator.schema import Field, SObject
from service.emulator.values import renderer
from service.soql import ast

_BOUNDED = 200
"""Greatest LIMIT with FIELDS(ALL) and FIELDS(CUSTOM)."""

_SHORT = 255
"""Characters of a text area that is not long."""


@dataclass(slots=True)
class Selection:
    """What a SELECT list asks for."""

    root: Node
    children: dict[str, ast.Children] = field(default_factory=dict)
    """Child subqueries by their key; the key is in `root` too, holding the id."""
    header: list[str] = field(default_factory=list)
    """Canonical dotted names of plain fields, in order."""
    long_texts: bool = False
    blobs: bool = False


class Selector:
    """Resolves the SELECT list of one query that folds no rows.

    Args:
        scope: The tables in reach.
        query: The query.

    """

    def __init__(self, scope: Scope, query: ast.Query) -> None:
        self._scope = scope
        self._query = query
        self._refuse = scope.statement.refuse
        self._selection = Selection(_node(scope.root))

    def select(self) -> Selection:
        """Resolve every entry.

        Raises:
            SalesforceFault: A name is unknown, selected twice or cannot be selected here.

        """
        for entry in self._query.select:
            match entry:
                case ast.Column():
                    self._column(entry)
                case ast.TypeOf():
                    self._typeof(entry)
                case ast.Children():
                    self._children(entry)
        return self._selection

    def _column(self, entry: ast.Column) -> None:
        node = entry.expression
        if isinstance(node, ast.Call) and node.function.upper() == "FIELDS":
            for known in self._all_fields(node):
                self._field(ast.Path((known.name,), node.at))
        elif isinstance(node, ast.Path):
            self._field(node)
        else:
            term = expression(self._scope, node)
            self._add(self._selection.root, entry.alias or term.field.name, _leaf(term), node.at)

    def _all_fields(self, call: ast.Call) -> Iterator[Field]:
        names = [".".join(item.names).upper() for item in call.arguments if isinstance(item, ast.Path)]
        which = names[0] if len(names) == 1 else ""
        if which not in {"ALL", "STANDARD", "CUSTOM"}:
            raise self._refuse.malformed_at("FIELDS takes ALL, STANDARD or CUSTOM", call.at)
        if which != "STANDARD" and not _bounded(self._query):
            text = f"The SOQL FIELDS function must have a LIMIT of at most {_BOUNDED}"
            raise self._refuse.malformed_at(text, call.at)
        fields = self._scope.root.sobject.fields
        found = [known for known in fields if which == "ALL" or known.custom == (which == "CUSTOM")]
        if not found:
            # The text is unverified.
            raise self._refuse.malformed_at(f"{self._scope.root.sobject.name} has no custom fields", call.at)
        yield from found

    def _field(self, path: ast.Path) -> None:
        names = self._scope.own(path)
        node = self._selection.root
        header: list[str] = []
        for depth in range(1, len(names)):
            reference = self._scope.relationship(names[:depth], path.at)
            key = reference.relationship_name or names[depth - 1]
            header.append(key)
            node = self._parent(node, key, names[:depth], path.at)
        term = self._scope.term(path)
        self._selection.header.append(".".join([*header, term.field.name]))
        self._selection.long_texts |= term.field.type == "textarea" and term.field.length > _SHORT
        self._selection.blobs |= term.field.type == "base64"
        record = self._scope.parent(names[:-1], path.at)
        if not term.field.stored and isinstance(record, Table):
            self._add(node, term.field.name, _compound(record, term.field), path.at)
        else:
            self._add(node, term.field.name, _leaf(term), path.at)

    def _parent(self, node: Node, key: str, names: tuple[str, ...], at: ast.Position) -> Node:
        known = node.entries.get(key)
        if isinstance(known, Node):
            return known
        made = _node(self._scope.parent(names, at))
        self._add(node, key, made, at)
        return made

    def _add(self, node: Node, key: str, entry: Leaf | Compound | Node | Variants, at: ast.Position) -> None:
        if key in node.entries:
            # The code is unverified.
            raise self._refuse.malformed_at(f"duplicate field selected: {key}", at)
        node.entries[key] = entry

    def _typeof(self, entry: ast.TypeOf) -> None:
        names = self._scope.own(entry.relationship)
        at = entry.relationship.at
        reference = self._scope.relationship(names, at)
        parent = self._scope.parent(names, at)
        if not isinstance(parent, AnyTable):
            text = f"TYPEOF needs a polymorphic relationship, which {reference.relationship_name} is not"
            raise self._refuse.malformed_at(text, at)
        nodes: dict[str, Node] = {}
        for branch in entry.branches:
            target = self._target(parent, branch)
            table = self._scope.typed_parent(parent.reference, target)
            nodes[target.key_prefix] = self._branch(table, branch)
        otherwise = self._otherwise(parent, entry) if entry.otherwise else None
        self._add(
            self._selection.root, str(reference.relationship_name), Variants(parent.reference, nodes, otherwise), at
        )

    def _target(self, parent: AnyTable, branch: ast.When) -> SObject:
        found = next((target for target in parent.targets if target.name.lower() == branch.sobject.lower()), None)
        if found is None:
            raise self._refuse.unknown_object(branch.sobject, branch.at)
        return found

    def _branch(self, table: Table, branch: ast.When) -> Node:
        node = _node(table)
        for path in branch.fields:
            known = table.sobject.field(path.names[-1]) if len(path.names) == 1 else None
            if known is None or not known.stored:
                raise self._refuse.unknown_field(".".join(path.names), table.sobject.name, path.at)
            self._add(node, known.name, _leaf(Term(table.column(known.name), known, path.at)), path.at)
        return node

    def _otherwise(self, parent: AnyTable, entry: ast.TypeOf) -> Node:
        node = Node("", _url_types(parent.targets), parent.reference)
        for path in entry.otherwise:
            term = parent.term(path.names[-1], path.at) if len(path.names) == 1 else None
            if term is None:
                raise self._refuse.unknown_field(".".join(path.names), "Name", path.at)
            self._add(node, term.field.name, _leaf(term), path.at)
        return node

    def _children(self, entry: ast.Children) -> None:
        inner = entry.query
        found = self._scope.root.sobject.child_relationship(inner.source)
        if found is None or found.relationship_name is None:
            raise self._refuse.unknown_children(inner.source, inner.source_at)
        self._add(self._selection.root, found.relationship_name, Leaf(self._scope.root.id_sql), inner.source_at)
        self._selection.children[found.relationship_name] = entry


def _bounded(query: ast.Query) -> bool:
    """Tell whether a query names at most 200 rows: by LIMIT, or by id and nothing beside it that adds rows."""
    if isinstance(query.limit, int) and query.limit <= _BOUNDED:
        return True
    conditions = query.where.conditions if isinstance(query.where, ast.And) else (query.where,)
    return any(_names_ids(condition) for condition in conditions)


def _names_ids(condition: ast.Condition | None) -> bool:
    if not isinstance(condition, ast.Comparison | ast.Membership) or not isinstance(condition.left, ast.Path):
        return False
    if condition.left.names[-1].lower() != "id" or len(condition.left.names) > 1:
        return False
    if isinstance(condition, ast.Comparison):
        return condition.operator == "="
    return condition.operator == "IN" and isinstance(condition.right, tuple) and len(condition.right) <= _BOUNDED


def _node(record: Table | AnyTable) -> Node:
    if isinstance(record, Table):
        return Node(record.sobject.name, _url_types((record.sobject,)), record.id_sql)
    return Node("Name", _url_types(record.targets), record.id_sql)


def _url_types(sobjects: tuple[SObject, ...]) -> dict[str, str]:
    return {sobject.key_prefix: sobject.name for sobject in sobjects}


def _leaf(term: Term) -> Leaf:
    if term.field.type == "boolean":
        return Leaf(term.sql, boolean=True)
    return Leaf(term.sql, render=term.render)


def _compound(record: Table, described: Field) -> Compound:
    """Spell out an address or a location from the fields it is made of."""
    if described.type == "address":
        parts = address_parts(record.sobject, described)
        return Compound(tuple(_part(record, key, part) for key, part in parts.items()))
    # A custom location `Site__c` consists of `Site__Latitude__s` and `Site__Longitude__s`.
    base = described.name.removesuffix("c")
    halves = ((name, record.sobject.field(f"{base}{name}__s")) for name in ("Latitude", "Longitude"))
    return Compound(tuple(_part(record, name.lower(), half) for name, half in halves))


def _part(record: Table, key: str, part: Field | None) -> Part:
    return Part(key, record.column(part.name), renderer(part)) if part else Part(key, "NULL")
