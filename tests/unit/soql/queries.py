"""Random queries for properties: names that are no keywords, strings as hostile as they come."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

from hypothesis import strategies as st

from service.soql import ast, moments, strings

KEYWORDS = frozenset(
    [
        "select",
        "from",
        "using",
        "scope",
        "where",
        "and",
        "or",
        "not",
        "in",
        "like",
        "includes",
        "excludes",
        "null",
        "true",
        "false",
        "group",
        "by",
        "having",
        "order",
        "asc",
        "desc",
        "nulls",
        "first",
        "last",
        "limit",
        "offset",
        "for",
        "view",
        "reference",
        "update",
        "typeof",
        "when",
        "then",
        "else",
        "end",
        "rollup",
        "cube",
    ]
)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name.lower() not in KEYWORDS)
paths = st.builds(ast.Path, st.lists(names, min_size=1, max_size=5).map(tuple))
calls = st.builds(ast.Call, st.sampled_from(["MAX", "calendar_year", "COUNT"]), paths.map(lambda path: (path,)))
expressions = st.one_of(paths, calls)

hostile = st.text(st.one_of(st.sampled_from("'\"\\%_;:\n\r\t\b\f\x01\u2028"), st.characters(exclude_categories=["Cs"])))
texts = hostile.map(lambda text: text.replace("\x00", ""))
patterns = texts.map(strings.normalize_pattern)

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14)
instants = st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)).map(  # noqa: DTZ001 - made aware right after
    lambda moment: moments.normalize(moment.replace(tzinfo=UTC))
)
times = st.times().map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
counted = st.builds(ast.Period, st.sampled_from(sorted(moments.COUNTED_PERIODS)), st.integers(0, 999_999_999))

operands: st.SearchStrategy[ast.Operand] = st.one_of(
    st.just(ast.Null()),
    st.builds(ast.Boolean, st.booleans()),
    st.builds(ast.Number, numbers),
    st.builds(ast.Currency, st.just("EUR"), st.decimals(0, 10**9, places=2)),
    st.builds(ast.Text, texts),
    st.builds(ast.Date, st.dates(date(1700, 1, 1), date(4000, 12, 31))),
    st.builds(ast.DateTime, instants),
    st.builds(ast.Time, times),
    st.builds(ast.Period, st.sampled_from(sorted(moments.PERIODS))),
    counted,
    st.builds(ast.Parameter, names),
)

simple_queries = st.builds(ast.Query, st.builds(ast.Column, paths).map(lambda entry: (entry,)), names)
lists = st.one_of(st.lists(operands, min_size=1, max_size=3).map(tuple), st.builds(ast.Parameter, names))
leaves: st.SearchStrategy[ast.Condition] = st.one_of(
    st.builds(ast.Comparison, expressions, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), operands),
    st.builds(ast.Comparison, paths, st.just("LIKE"), st.builds(ast.Pattern, patterns)),
    st.builds(ast.Membership, paths, st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]), lists),
    st.builds(ast.Membership, paths, st.sampled_from(["IN", "NOT IN"]), simple_queries),
)


def _joined(inner: st.SearchStrategy[ast.Condition]) -> st.SearchStrategy[ast.Condition]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        several.map(lambda parts: _flat(ast.And, parts)),
        several.map(lambda parts: _flat(ast.Or, parts)),
        st.builds(ast.Not, inner),
    )


def _flat(kind: type[ast.And | ast.Or], parts: list[ast.Condition]) -> ast.Condition:
    flat: list[ast.Condition] = []
    for part in parts:
        flat.extend(part.conditions if isinstance(part, ast.And | ast.Or) and isinstance(part, kind) else (part,))
    return kind(tuple(flat))


conditions = st.recursive(leaves, _joined, max_leaves=6)
typeofs = st.builds(
    ast.TypeOf,
    names.map(lambda name: ast.Path((name,))),
    st.lists(st.builds(ast.When, names, paths.map(lambda path: (path,))), min_size=1, max_size=2).map(tuple),
    st.lists(paths, max_size=2).map(tuple),
)
selected = st.one_of(st.builds(ast.Column, expressions), typeofs, st.builds(ast.Children, simple_queries))
orderings = st.builds(ast.Ordering, expressions, st.booleans(), st.sampled_from([None, "FIRST", "LAST"]))
counts = st.one_of(st.none(), st.integers(0, ast.MAX_ROWS), st.builds(ast.Parameter, names))

queries = st.builds(
    ast.Query,
    select=st.lists(selected, min_size=1, max_size=4).map(tuple),
    source=names,
    alias=st.one_of(st.none(), names),
    scope=st.one_of(st.none(), names),
    where=st.one_of(st.none(), conditions),
    order_by=st.lists(orderings, max_size=2).map(tuple),
    limit=counts,
    offset=counts,
    enforced=st.booleans(),
    usage=st.sampled_from([None, "VIEW", "REFERENCE"]),
)

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15).filter(
        lambda number: number == 0 or abs(Decimal(repr(number)).adjusted()) < 20
    ),
    texts,
    st.dates(date(1700, 1, 1), date(4000, 12, 31)),
    instants,
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
