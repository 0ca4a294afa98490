"""Conditions as SQL, with SOQL's own ideas of null, case and lists.

Every condition is true or not true: where SQL would answer "unknown", a row does not match, and NOT turns that into a
match. `!=`, NOT IN and EXCLUDES match null.
"""

import json
from collections.abc import Callable
from functools import partial

from service.emulator.engine.functions import expression
from service.emulator.engine.literals import Gap, Literal, Reader, Span
from service.emulator.engine.scope import Scope, Stored, Term
from service.emulator.folding import FOLD_FUNCTION, LIKE_FUNCTION, fold
from service.soql import ast

_FEW = 200
_WIDE = 100
_IDS = frozenset({"id", "reference"})


class Conditions:
    """Compiles the conditions of one SELECT.

    Args:
        scope: The tables in reach; paths add joins to it.
        reader: Makes literals stored values.
        resolve: Resolves what is compared, where that is not a field or a function of fields: in HAVING.

    """

    def __init__(self, scope: Scope, reader: Reader, resolve: Callable[[ast.Expression], Term] | None = None) -> None:
        self._scope = scope
        self._reader = reader
        self._refuse = scope.statement.refuse
        self._resolve = resolve or partial(expression, scope)

    def compile(self, condition: ast.Condition) -> str:
        """Return a condition as SQL in parentheses of its own.

        Raises:
            SalesforceFault: A name is unknown, a field cannot be filtered, or a value is of the wrong type.

        """
        match condition:
            case ast.And(conditions=parts):
                return _joined([self.compile(part) for part in parts], "AND")
            case ast.Or(conditions=parts):
                return _joined([self.compile(part) for part in parts], "OR")
            case ast.Not(condition=negated):
                return _negated(self.compile(negated))
            case ast.Comparison():
                return f"({self._comparison(condition)})"
            case ast.Membership():
                return f"({self._membership(condition)})"

    def _comparison(self, node: ast.Comparison) -> str:
        term = self._filterable(node.left)
        if node.operator == "LIKE":
            return self._like(term, node.right)
        if term.field.type == "multipicklist" and node.operator not in {"=", "!="}:
            return self._invalid_operator(term, node.operator, node.at)
        value = self._reader.read(node.right, term)
        if isinstance(value, Span):
            return self._within(term, node.operator, value)
        if isinstance(value, Gap):
            return self._beside(term, node.operator, value)
        if node.operator in {"=", "!="}:
            # A checkbox is never null: comparing it with null is comparing it with false.
            known = 0 if value is None and term.field.type == "boolean" else value
            equal = "IS" if known is None else "="
            sign = equal if node.operator == "=" else "IS NOT"
            return f"{term.sql} {sign} {self._parameter(known)}"
        if value is None:
            return "0"
        if term.field.type == "boolean":
            return self._invalid_operator(term, node.operator, node.at)
        return f"{term.sql} {node.operator} {self._parameter(value)}"

    def _within(self, term: Term, operator: str, span: Span) -> str:
        match operator:
            case "<":
                return f"{term.sql} < {self._parameter(span.start)}"
            case ">=":
                return f"{term.sql} >= {self._parameter(span.start)}"
            case "<=":
                return f"{term.sql} < {self._parameter(span.end)}"
            case ">":
                return f"{term.sql} >= {self._parameter(span.end)}"
        start, end = self._parameter(span.start), self._parameter(span.end)
        if operator == "=":
            return f"({term.sql} >= {start} AND {term.sql} < {end})"
        return f"({term.sql} IS NULL OR {term.sql} < {start} OR {term.sql} >= {end})"

    def _beside(self, term: Term, operator: str, gap: Gap) -> str:
        if operator in {"=", "!="}:
            return "1" if operator == "!=" else "0"
        if operator in {"<", "<="}:
            return f"{term.sql} <= {self._parameter(gap.below)}"
        return f"{term.sql} >= {self._parameter(gap.above)}"

    def _like(self, term: Term, right: ast.Operand) -> str:
        if not term.text or term.field.type == "multipicklist":
            return self._invalid_operator(term, "LIKE", term.at)
        if not isinstance(right, ast.Pattern):
            raise self._refuse.wrong_type(term.field.name, "string", term.at, quoted=True)
        if not right.value.isascii():
            return f"{LIKE_FUNCTION}({term.sql}, {self._parameter(right.value)})"
        return f"{term.sql} LIKE {self._parameter(right.value)} ESCAPE '\\'"

    def _membership(self, node: ast.Membership) -> str:
        term = self._filterable(node.left)
        if isinstance(node.right, ast.Query):
            sql = f"{term.sql} IN ({self._semi_join(node.right, term)})"
            return sql if node.operator == "IN" else f"{term.sql} IS NULL OR NOT {sql}"
        operands = () if isinstance(node.right, ast.Parameter) else node.right
        values = [self._reader.read(operand, term) for operand in operands]
        if node.operator in {"INCLUDES", "EXCLUDES"}:
            if term.field.type != "multipicklist":
                return self._invalid_operator(term, node.operator, node.at)
            included = " OR ".join(self._includes(term, value) for value in values)
            return included if node.operator == "INCLUDES" else _negated(f"({included})")
        matched = self._any_of(term, values)
        return matched if node.operator == "IN" else _negated(matched)

    def _semi_join(self, query: ast.Query, left: Term) -> str:
        statement = self._scope.statement
        sobject = statement.schema.sobject(query.source)
        if sobject is None:
            raise self._refuse.unknown_object(query.source, query.source_at)
        entry = query.select[0]
        if len(query.select) > 1 or not isinstance(entry, ast.Column):
            raise self._refuse.malformed_at("a semi join sub-select selects one field", query.at)
        scope = Scope(statement, query, sobject)
        term = expression(scope, entry.expression)
        if left.field.type not in _IDS or term.field.type not in _IDS:
            name = left.field.name if left.field.type not in _IDS else term.field.name
            raise self._refuse.malformed_at(f"the field '{name}' of a semi join must be an id or a reference", term.at)
        where = where_sql(scope, query, self._reader)
        return f"SELECT {term.sql} FROM {scope.from_sql()} WHERE {where} AND {term.sql} IS NOT NULL"  # noqa: S608

    def _any_of(self, term: Term, values: list[Literal]) -> str:
        spans = [value for value in values if isinstance(value, Span)]
        plain = [value for value in values if value is not None and not isinstance(value, Span | Gap)]
        parts = [self._within(term, "=", span) for span in spans]
        if None in values:
            parts.append(f"{term.sql} IS NULL")
        if plain:
            parts.append(f"{term.sql} IN ({self._list(plain)})")
        return f"({' OR '.join(parts) or '0'})"

    def _list(self, values: list[str | int | float]) -> str:
        if len(values) <= _FEW:
            return ", ".join(map(self._parameter, values))
        # SQLite bounds the number of parameters; one holding them all is also quicker to prepare.
        return f"SELECT value FROM json_each({self._parameter(json.dumps(values))})"  # noqa: S608

    def _includes(self, term: Term, value: Literal) -> str:
        if not isinstance(value, str):
            return f"{term.sql} IS NULL"
        wanted = [part.strip() for part in value.split(";") if part.strip()]
        found = [
            f"instr({_folding(part)}(';' || {term.sql} || ';'), {self._parameter(fold(f';{part};'))}) > 0"
            for part in wanted
        ]
        return f"({' AND '.join(found) or '0'})"

    def _filterable(self, node: ast.Expression) -> Term:
        term = self._resolve(node)
        if not term.field.filterable or not term.field.stored:
            raise self._refuse.unusable(term.field.name, "filtered", term.at)
        return term

    def _parameter(self, value: Stored) -> str:
        return self._scope.statement.parameter(value)

    def _invalid_operator(self, term: Term, operator: str, at: ast.Position) -> str:
        text = f"invalid operator on {term.field.type} field: {operator.lower()}"
        raise self._refuse.at(at, "INVALID_QUERY_FILTER_OPERATOR", text)


def where_sql(scope: Scope, query: ast.Query, reader: Reader) -> str:
    """Return what follows WHERE: the query's condition, and no deleted rows unless they were asked for.

    Raises:
        SalesforceFault: As for `Conditions.compile`.

    """
    conditions = [] if scope.statement.include_deleted else [f"{scope.root.column('IsDeleted')} = 0"]
    if query.where is not None:
        conditions.append(Conditions(scope, reader).compile(query.where))
    return " AND ".join(conditions) or "1"


def _folding(text: str) -> str:
    """Return the SQL function that folds case for a comparison with this text: SQLite's own when ASCII is enough."""
    return "lower" if text.isascii() else FOLD_FUNCTION


def _negated(sql: str) -> str:
    """Negate a condition in parentheses: what is false or unknown becomes true."""
    return f"({sql} IS NOT 1)"


def _joined(parts: list[str], operator: str) -> str:
    """Join conditions, a hundred to a pair of parentheses: SQLite bounds the depth of an expression, not its width."""
    while len(parts) > _WIDE:
        parts = [_joined(parts[start : start + _WIDE], operator) for start in range(0, len(parts), _WIDE)]
    return f"({f' {operator} '.join(parts)})"
