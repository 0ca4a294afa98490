"""The SOQL syntax tree: frozen nodes that remember where in the text they stood.

Positions take no part in equality, so a query equals the one parsed from its own printed text.
Names keep the spelling of the text; SOQL compares them without case, and so must whoever reads the tree.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, TypeAlias

ComparisonOperator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE"]
MembershipOperator = Literal["IN", "NOT IN", "INCLUDES", "EXCLUDES"]
Nulls = Literal["FIRST", "LAST"]
Grouping = Literal["ROLLUP", "CUBE"]
Usage = Literal["VIEW", "REFERENCE"]

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
"""Names of the functions that fold many rows into one value, in upper case."""


MAX_LENGTH = 100_000
"""Greatest number of characters of a query (SOQL and SOSL Reference, "SOQL Limits")."""

MAX_NUMBER = 60
"""Greatest number of characters a number has when printed without an exponent; Salesforce stores 18 digits."""

MAX_ROWS = 2**31 - 1
"""Greatest LIMIT and OFFSET that is a number at all; orgs refuse an OFFSET far below it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the query's text."""

    row: int
    """Line, from 1."""
    column: int
    """Character in the line, from 1."""


NOWHERE = Position(1, 1)
"""The position of nodes that were built rather than parsed."""


@dataclass(frozen=True, slots=True)
class Path:
    """A field, through its parents: `Account.Owner.Name`."""

    names: tuple[str, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of fields: `COUNT()`, `MAX(Amount)`, `CALENDAR_YEAR(CreatedDate)`, `FIELDS(ALL)`."""

    function: str
    """Name as written."""
    arguments: tuple["Expression", ...]
    at: Position = field(default=NOWHERE, compare=False)

    @property
    def aggregate(self) -> bool:
        """Whether the function folds rows."""
        return self.function.upper() in AGGREGATES


Expression: TypeAlias = Path | Call


@dataclass(frozen=True, slots=True)
class Null:
    """The literal NULL."""

    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    """TRUE or FALSE."""

    value: bool
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or decimal literal; floats never enter the tree."""

    value: Decimal
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Currency:
    """An amount in a currency: `USD5000`."""

    code: str
    """ISO 4217 code in upper case."""
    value: Decimal
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal, decoded."""

    value: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""The string of a LIKE: `%` and `_` are wildcards, and a backslash stands only before `%`, `_` or itself."""

    value: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Date:
    """A date literal, between 1700-01-01 and 4000-12-31."""

    value: date
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DateTime:
    """A dateTime literal: an instant in UTC, whole milliseconds."""

    value: datetime
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Time:
    """A time-of-day literal in UTC, whole milliseconds; `value` is naive."""

    value: time
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Period:
    """A date literal by name: `TODAY`, `LAST_N_DAYS:30`."""

    name: str
    """Name in upper case, without the count."""
    count: int | None = None
    """The number after the colon, for the names that take one."""
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hole `:name` to be filled by `bind`. Names compare with case."""

    name: str
    at: Position = field(default=NOWHERE, compare=False)


Scalar: TypeAlias = Null | Boolean | Number | Currency | Text | Pattern | Date | DateTime | Time | Period
Operand: TypeAlias = Scalar | Parameter


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against one value. With LIKE the value is a `Pattern` or a `Parameter`; elsewhere never a `Pattern`."""

    left: Expression
    operator: ComparisonOperator
    right: Operand
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """A field against a list, a parameter that holds a list, or a semi-join (IN and NOT IN only)."""

    left: Expression
    operator: MembershipOperator
    right: "tuple[Operand, ...] | Parameter | Query"
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions; none of them is itself an `And`."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more conditions; none of them is itself an `Or`."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: "Condition"


Condition: TypeAlias = Comparison | Membership | And | Or | Not


@dataclass(frozen=True, slots=True)
class Column:
    """One entry of the SELECT list that is a field or a function."""

    expression: Expression
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """One branch of TYPEOF: the fields to read when the parent is of that sObject."""

    sobject: str
    fields: tuple[Path, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`TYPEOF What WHEN Account THEN Phone ELSE Name END`: fields by the type of a polymorphic parent."""

    relationship: Path
    branches: tuple[When, ...]
    otherwise: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Children:
    """A child subquery in the SELECT list; its `source` is a child relationship's name, not an sObject's."""

    query: "Query"


Selected: TypeAlias = Column | TypeOf | Children


@dataclass(frozen=True, slots=True)
class Ordering:
    """One entry of ORDER BY."""

    expression: Expression
    descending: bool = False
    nulls: Nulls | None = None
    """None where the text said nothing, which Salesforce takes as FIRST."""


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SELECT statement."""

    select: tuple[Selected, ...]
    source: str
    """The sObject after FROM, as written; a child relationship's name inside `Children`."""
    alias: str | None = None
    scope: str | None = None
    """Name after USING SCOPE."""
    where: Condition | None = None
    enforced: bool = False
    """Whether it says WITH SECURITY_ENFORCED."""
    group_by: tuple[Expression, ...] = ()
    grouping: Grouping | None = None
    having: Condition | None = None
    order_by: tuple[Ordering, ...] = ()
    limit: int | Parameter | None = None
    """Greatest number of rows."""
    offset: int | Parameter | None = None
    """Rows to skip."""
    usage: Usage | None = None
    """Name after FOR. Salesforce then takes note of the rows as viewed or referenced."""
    at: Position = field(default=NOWHERE, compare=False)
    """Where SELECT stands."""
    source_at: Position = field(default=NOWHERE, compare=False)
    """Where the name after FROM stands."""
    offset_at: Position = field(default=NOWHERE, compare=False)
    """Where what follows OFFSET stands."""
    usage_at: Position = field(default=NOWHERE, compare=False)
    """Where the name after FOR stands."""
