"""What a query reads: the sObjects and the field paths, for describe calls and for policy."""

from dataclasses import dataclass

from service.soql import ast, walk


@dataclass(frozen=True, slots=True)
class FieldUse:
    """One field path that a query selects, filters, groups or sorts by."""

    source: tuple[str, ...]
    """Where the path starts: the sObject, followed by the child relationships down to the subquery that names it."""
    path: tuple[str, ...]
    """Parent relationships and, last, the field; the object's alias is removed."""
    at: ast.Position


def objects(query: ast.Query) -> tuple[str, ...]:
    """Return the sObjects named after FROM, semi-joins included, each once, in the order of the text.

    Objects reached through relationships are named by `fields`; only a describe tells which they are.
    """
    found: dict[str, str] = {}
    _objects(query, found, child=False)
    return tuple(found.values())


def fields(query: ast.Query) -> tuple[FieldUse, ...]:
    """Return every field path, as often as it is used; `FIELDS(ALL)` and its kin come as one path `FIELDS(…)`."""
    return tuple(_fields(query, (query.source,)))


def own_path(query: ast.Query, path: ast.Path) -> tuple[str, ...]:
    """Return a path's names without the leading alias or object name of its query."""
    if len(path.names) > 1 and path.names[0].lower() in {(query.alias or "").lower(), query.source.lower()}:
        return path.names[1:]
    return path.names


def _objects(query: ast.Query, found: dict[str, str], *, child: bool) -> None:
    if not child:
        found.setdefault(query.source.lower(), query.source)
    children = {id(entry.query) for entry in query.select if isinstance(entry, ast.Children)}
    for inner in walk.inner(query):
        _objects(inner, found, child=id(inner) in children)


def _fields(query: ast.Query, source: tuple[str, ...]) -> list[FieldUse]:
    uses = [FieldUse(source, own_path(query, path), path.at) for path in walk.paths(query)]
    for entry in query.select:
        if isinstance(entry, ast.Column) and isinstance(entry.expression, ast.Call):
            uses.extend(_bundle_use(entry.expression, source))
        elif isinstance(entry, ast.Children):
            uses.extend(_fields(entry.query, (*source, entry.query.source)))
    for leaf in walk.leaves(query):
        if isinstance(leaf, ast.Membership) and isinstance(leaf.right, ast.Query):
            uses.extend(_fields(leaf.right, (leaf.right.source,)))
    return uses


def _bundle_use(call: ast.Call, source: tuple[str, ...]) -> list[FieldUse]:
    if call.function.upper() != "FIELDS":
        return []
    names = [".".join(argument.names) for argument in call.arguments if isinstance(argument, ast.Path)]
    return [FieldUse(source, (f"FIELDS({','.join(names).upper()})",), call.at)]
