"""Keysets: the order of a result by which its rest can be asked for when Salesforce no longer holds it.

A query that is ordered by fields and, last, by Id puts each row in one place; what follows a row is then a condition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from service.query.columns import ColumnType, type_of
from service.query.planner import Describe
from service.query.resume import KeyValue
from service.salesforce.calls.describe import Field, SObject
from service.soql import walk
from service.soql.ast import (
    And,
    Boolean,
    Call,
    Column,
    Comparison,
    ComparisonOperator,
    Condition,
    Date,
    DateTime,
    Null,
    Number,
    Or,
    Ordering,
    Path,
    Period,
    Query,
    Scalar,
    Text,
    Time,
)
from service.soql.reads import own_path

_MOST_KEYS = 16
"""Fields that order a result; what follows a row is told by a condition that grows with their square."""
_ID = "id"
_CREATED = ("createddate",)
"""Beside the id what never changes."""
_SEEN_CHANGES = frozenset({"systemmodstamp", "createddate"})
_TEXTS = frozenset({"string", "email", "phone", "url", "textarea", "reference"})
_NUMBERS = frozenset({"int", "long", "double", "percent", "currency"})
_MOMENTS = frozenset({"date", "datetime", "time", "boolean"})
_WITHOUT_IDS = ("__b", "__x")
"""Endings of the names of big objects and of those of other systems, which are not ordered by Id."""
_OF_MANY_CURRENCIES = "currencyisocode"


@dataclass(frozen=True, slots=True)
class Key:
    """A field that orders a result."""

    path: Path
    place: tuple[str, ...]
    """Its names in lower case, from the sObject on."""
    type: ColumnType
    descending: bool = False
    nulls_last: bool = False
    nillable: bool = False


@dataclass(frozen=True, slots=True)
class Keyset:
    """A query that puts each row in one place, and how to ask for what follows a row."""

    query: Query
    """The query, ordered by Id at the end, with the fields that order it selected."""
    keys: tuple[Key, ...]
    """What orders it; the last one is Id."""
    hidden: int
    """How many of the last entries of SELECT the caller did not ask for."""
    is_certain: bool
    """Whether Salesforce surely compares as it sorts. Of text that is not documented: whoever restarts has to count."""
    is_of_today: bool
    """Whether the query means other rows tomorrow."""
    parents: tuple[tuple[str, ...], ...]
    """Where fields stand that order the result and may change: the relationships to their records, none for its own."""

    def after(self, last: Sequence[KeyValue], rows: int) -> Query:
        """Return the query for what follows a row.

        Args:
            last: What the row held in the keys.
            rows: How many rows there were up to it, which count towards LIMIT.

        Raises:
            ValueError: A value is none that its key can have.

        """
        equal: list[Condition] = []
        alternatives: list[Condition] = []
        for key, value in zip(self.keys, last, strict=True):
            beyond = _beyond(key, value)
            if beyond is not None:
                alternatives.append(_all([*equal, beyond]))
            equal.append(Comparison(key.path, "=", _literal(key.type, value)))
        where = self.query.where
        condition = _any(alternatives)
        limit = self.query.limit
        return replace(
            self.query,
            where=condition if where is None else _all([where, condition]),
            limit=max(0, limit - rows) if isinstance(limit, int) else limit,
        )

    def changed(self, since: datetime, found: datetime) -> Query | None:
        """Return a query that counts what may have moved in the order after an instant; None if nothing can.

        Rows that were made later are left out: they may come or not, but not twice.

        Args:
            since: The instant.
            found: When the rows had been found: what is younger is none of them.

        """
        if not self.parents:
            return None
        changed = [Comparison(Path((*path, "SystemModstamp")), ">", DateTime(since)) for path in self.parents]
        moved = _all([_any(changed), Comparison(Path(("CreatedDate",)), "<=", DateTime(found))])
        where = self.query.where
        return replace(
            self.query,
            select=(Column(Call("COUNT", ())),),
            where=moved if where is None else _all([where, moved]),
            order_by=(),
            limit=None,
            usage=None,
        )


async def keyset(query: Query, describe: Describe) -> Keyset | str:
    """Return the query in an order that lets it be restarted, or a sentence that tells why there is none.

    A query without ORDER BY is ordered by Id; one with it, by Id where its own order leaves the place of a row open.
    What orders the result is selected as well.

    Args:
        query: The query, its parameters bound and FIELDS() spelled out.
        describe: Describes an sObject.

    """
    obstacle = _obstacle(query)
    if obstacle:
        return obstacle
    root = await describe(query.source)
    if _ID not in root.fields or root.name.endswith(_WITHOUT_IDS):
        return f"{root.name} is not ordered by Id"
    order: list[Ordering] = []
    keys: list[Key] = []
    certain = True
    parents: dict[tuple[str, ...], None] = {}
    for ordering in query.order_by:
        found = await _field(query, ordering, root, describe)
        if isinstance(found, str):
            return found
        key, field = found
        order.append(ordering)
        keys.append(key)
        if key.place == (_ID,):
            break
        certain = certain and field.type not in {*_TEXTS, _ID}
        if key.place != _CREATED:
            parents[tuple(own_path(query, key.path)[:-1])] = None
    else:
        order.append(Ordering(Path(("Id",))))
        keys.append(Key(Path(("Id",)), (_ID,), ColumnType.STRING))
    if parents and not root.fields.keys() >= _SEEN_CHANGES:
        return f"{root.name} does not tell which rows were changed"
    selected = {_own(query, entry.expression) for entry in query.select if isinstance(entry, Column)}
    hidden = [Column(key.path) for key in keys if key.place not in selected]
    return Keyset(
        replace(query, select=(*query.select, *hidden), order_by=tuple(order)),
        tuple(keys),
        len(hidden),
        certain,
        _means_other_rows_tomorrow(query),
        tuple(parents),
    )


def _obstacle(query: Query) -> str:
    calls = [entry.expression for entry in query.select if isinstance(entry, Column)]
    if query.group_by or any(isinstance(call, Call) and call.aggregate for call in calls):
        return "it folds rows"
    if query.offset:
        return "it has an OFFSET"
    if len(query.order_by) > _MOST_KEYS:
        return f"it is ordered by more than {_MOST_KEYS} fields"
    if any(isinstance(call, Call) for call in calls):
        return "it selects a function"
    return ""


async def _field(query: Query, ordering: Ordering, root: SObject, describe: Describe) -> tuple[Key, Field] | str:
    """Return what a result is ordered by, or why the rest could not be told by it."""
    path = ordering.expression
    if not isinstance(path, Path):
        return "it is ordered by a function"
    *parents, name = own_path(query, path)
    sobject = root
    for parent in parents:
        lookup = sobject.relationships.get(parent.lower())
        if lookup is None or len(lookup.referenceTo) != 1:
            return f"{'.'.join(path.names)} is a field of several sObjects"
        sobject = await describe(lookup.referenceTo[0])
    field = sobject.fields.get(name.lower())
    spelled = ".".join(path.names)
    if field is None:
        return f"{spelled} is not known"
    if field.type not in {_ID, *_TEXTS, *_NUMBERS, *_MOMENTS}:
        return f"{spelled} is of type {field.type}, which is not sorted as it is compared"
    if field.type in _NUMBERS and field.calculated:
        return f"{spelled} is a formula, whose numbers come rounded"
    if field.type == "currency" and _OF_MANY_CURRENCIES in sobject.fields:
        return f"{spelled} holds amounts of several currencies"
    nillable = field.nillable or bool(parents)
    key = Key(path, _own(query, path), type_of(field), ordering.descending, ordering.nulls == "LAST", nillable)
    return key, field


def _own(query: Query, expression: object) -> tuple[str, ...]:
    return tuple(name.lower() for name in own_path(query, expression)) if isinstance(expression, Path) else ()


def _means_other_rows_tomorrow(query: Query) -> bool:
    return any(isinstance(operand, Period) for operand, _ in walk.operands(query)) or any(
        map(_means_other_rows_tomorrow, walk.inner(query))
    )


def _beyond(key: Key, value: KeyValue) -> Condition | None:
    """Return the condition that a row stands behind a value of one key; None if no row can.

    Nulls come first unless the query says otherwise, descending as well (SOQL and SOSL Reference, "ORDER BY").
    """
    if value is None:
        return None if key.nulls_last else Comparison(key.path, "!=", Null())
    if key.type is ColumnType.BOOL:
        # Checkboxes are not compared by size, and are never null.
        return Comparison(key.path, "=", Boolean(not value)) if bool(value) == key.descending else None
    sign: ComparisonOperator = "<" if key.descending else ">"
    beyond = Comparison(key.path, sign, _literal(key.type, value))
    return _any([beyond, Comparison(key.path, "=", Null())]) if key.nulls_last and key.nillable else beyond


def _literal(kind: ColumnType, value: KeyValue) -> Scalar:
    if value is None:
        return Null()
    if kind is ColumnType.BOOL:
        return Boolean(bool(value))
    text = str(value)
    if kind is ColumnType.DATE:
        return Date(date.fromisoformat(text))
    if kind is ColumnType.DATETIME:
        return DateTime(datetime.fromisoformat(text).astimezone(UTC))
    if kind is ColumnType.TIME:
        return Time(time.fromisoformat(text).replace(tzinfo=None))
    return Text(text) if kind is ColumnType.STRING else Number(Decimal(text))


def _all(conditions: Iterable[Condition]) -> Condition:
    parts = [part for each in conditions for part in (each.conditions if isinstance(each, And) else (each,))]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _any(conditions: Iterable[Condition]) -> Condition:
    parts = [part for each in conditions for part in (each.conditions if isinstance(each, Or) else (each,))]
    return parts[0] if len(parts) == 1 else Or(tuple(parts))
