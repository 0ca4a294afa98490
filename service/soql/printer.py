"""From the tree back to text: what `parse` makes of the text equals the tree."""

from collections.abc import Iterator

from service.soql import ast, moments, strings


def to_soql(query: ast.Query) -> str:
    """Print a query on one line.

    Literals are the only place where data enters the text, and each is escaped: the backslash first, then quotes and
    control characters.

    Args:
        query: A tree whose names are SOQL names; `parse` and `bind` make no others.

    Returns:
        The text; it may be longer than `ast.MAX_LENGTH` when long lists were bound.

    """
    parts = ["SELECT ", ", ".join(map(_selected, query.select)), " FROM ", query.source]
    if query.alias is not None:
        parts.append(f" {query.alias}")
    if query.scope is not None:
        parts.append(f" USING SCOPE {query.scope}")
    if query.where is not None:
        parts.append(f" WHERE {_condition(query.where)}")
    if query.enforced:
        parts.append(" WITH SECURITY_ENFORCED")
    if query.group_by:
        parts.append(f" GROUP BY {_groups(query)}")
    if query.having is not None:
        parts.append(f" HAVING {_condition(query.having)}")
    if query.order_by:
        parts.append(f" ORDER BY {', '.join(map(_ordering, query.order_by))}")
    return "".join([*parts, *_ending(query)])


def expression(node: ast.Expression) -> str:
    """Print a field path or a function call."""
    if isinstance(node, ast.Path):
        return ".".join(node.names)
    return f"{node.function}({', '.join(map(expression, node.arguments))})"


def operand(node: ast.Operand) -> str:
    """Print one value."""
    match node:
        case ast.Text(value=text):
            return strings.encode(text)
        case ast.Pattern(value=text):
            return strings.encode_pattern(text)
        case ast.Number(value=number):
            return format(number, "f")
        case ast.Null():
            return "NULL"
        case ast.Boolean(value=value):
            return "TRUE" if value else "FALSE"
        case ast.Currency(code=code, value=number):
            return f"{code}{number:f}"
        case ast.Parameter(name=name):
            return f":{name}"
        case _:
            return _moment(node)


def _moment(node: ast.Date | ast.DateTime | ast.Time | ast.Period) -> str:
    if isinstance(node, ast.Date):
        return node.value.isoformat()
    if isinstance(node, ast.DateTime):
        return moments.write_datetime(node.value)
    if isinstance(node, ast.Time):
        return moments.write_time(node.value)
    return node.name if node.count is None else f"{node.name}:{node.count}"


def _groups(query: ast.Query) -> str:
    groups = ", ".join(map(expression, query.group_by))
    return f"{query.grouping}({groups})" if query.grouping else groups


def _ending(query: ast.Query) -> Iterator[str]:
    if query.limit is not None:
        yield f" LIMIT {_count(query.limit)}"
    if query.offset is not None:
        yield f" OFFSET {_count(query.offset)}"
    if query.usage is not None:
        yield f" FOR {query.usage}"


def _selected(entry: ast.Selected) -> str:
    if isinstance(entry, ast.Children):
        return f"({to_soql(entry.query)})"
    if isinstance(entry, ast.TypeOf):
        branches = "".join(f" WHEN {branch.sobject} THEN {_paths(branch.fields)}" for branch in entry.branches)
        otherwise = f" ELSE {_paths(entry.otherwise)}" if entry.otherwise else ""
        return f"TYPEOF {expression(entry.relationship)}{branches}{otherwise} END"
    alias = "" if entry.alias is None else f" {entry.alias}"
    return expression(entry.expression) + alias


def _paths(paths: tuple[ast.Path, ...]) -> str:
    return ", ".join(map(expression, paths))


def _condition(node: ast.Condition) -> str:
    match node:
        case ast.And(conditions=parts):
            return " AND ".join(map(_grouped, parts))
        case ast.Or(conditions=parts):
            return " OR ".join(map(_grouped, parts))
        case ast.Not(condition=negated):
            inner = f"({_condition(negated)})" if isinstance(negated, ast.Not) else _grouped(negated)
            return f"NOT {inner}"
        case ast.Comparison():
            return f"{expression(node.left)} {node.operator} {operand(node.right)}"
        case ast.Membership(right=right):
            return f"{expression(node.left)} {node.operator} {_members(right)}"


def _grouped(node: ast.Condition) -> str:
    return f"({_condition(node)})" if isinstance(node, ast.And | ast.Or) else _condition(node)


def _members(right: tuple[ast.Operand, ...] | ast.Parameter | ast.Query) -> str:
    if isinstance(right, ast.Parameter):
        return operand(right)
    return f"({to_soql(right)})" if isinstance(right, ast.Query) else f"({', '.join(map(operand, right))})"


def _ordering(entry: ast.Ordering) -> str:
    direction = " DESC" if entry.descending else ""
    nulls = "" if entry.nulls is None else f" NULLS {entry.nulls}"
    return expression(entry.expression) + direction + nulls


def _count(value: int | ast.Parameter) -> str:
    return operand(value) if isinstance(value, ast.Parameter) else str(value)
