"""How the caller's columns become Salesforce's: which goes where, which stays out, and what is the same in all rows.

Sources: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" (`#N/A` sets a field to null, an empty cell
leaves it alone, lookups by external id are named `Account.Ext__c`).
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from service import errors
from service.bulk.data.columns import MAX_CELL_CHARACTERS, RESULT_COLUMNS, check_column, check_width, is_column

NULL = "#N/A"
"""What sets a field to null. A cell of these four characters does the same: Salesforce has no other spelling."""

_MAPPING, _CONSTANTS = "header.mapping", "header.constants"
_SHOWN = 40
_MOST_COMPARED = 200
_LONGEST_COMPARED = 80


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """What becomes of each column. Without anything, every column is named after its field and goes as it is.

    The caller's column names compare exactly, Salesforce's without case. A column that is neither mapped nor ignored
    must itself be named after a field.

    Raises:
        errors.InvalidRequest: Two values go to one field, what stands for a field is no name of one, or a column is
            both mapped and ignored.

    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Salesforce's column by the caller's: a field, or a lookup by external id such as `Account.Ext__c`."""
    constants: Mapping[str, str | None] = field(default_factory=dict)
    """The value that every row has, by Salesforce's column; None sets the field to null."""
    ignored: frozenset[str] = frozenset()
    """The caller's columns that stay out."""
    null_text: str | None = None
    """What the caller writes for null: a cell that is exactly this, in quotes or not, becomes `#N/A`. The empty text
    makes every empty cell null, but not a key that JSON does not have. None leaves cells alone."""

    def __post_init__(self) -> None:
        taken: set[str] = set()
        for path, target in [(_MAPPING, each) for each in self.fields.values()] + [
            (_CONSTANTS, each) for each in self.constants
        ]:
            if not is_column(target):
                raise _refusal(path, f"{target[:_SHOWN]!r} is not the name of a field or a lookup like Account.Ext__c")
            if target.lower() in taken:
                raise _refusal(path, f"two values go to {target}; leave one out")
            taken.add(target.lower())
        for name in sorted(self.ignored.intersection(self.fields)):
            raise _refusal(_MAPPING, f"column {name[:_SHOWN]!r} is both mapped and left out")
        for name, value in self.constants.items():
            if value is not None and ("\0" in value or len(value) > MAX_CELL_CHARACTERS):
                raise _refusal(
                    _CONSTANTS, f"the value of {name} holds a NUL character or more than {MAX_CELL_CHARACTERS:,} others"
                )

    def target(self, column: str) -> str | None:
        """Return Salesforce's column for one of the caller's; None if that stays out, as the columns of results do."""
        if column in self.ignored:
            return None
        return self.fields.get(column, None if column in RESULT_COLUMNS else column)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A mapping applied to a header: where each cell of a row goes."""

    columns: tuple[str, ...]
    """Salesforce's names, those of constants last."""
    kept: tuple[int, ...] | None
    """Positions of the cells that go, ascending; None where all do."""
    constants: tuple[str, ...]
    """The cells that follow them in every row."""


def arrange(header: Sequence[str], mapping: FieldMapping) -> Arrangement:
    """Return what a mapping makes of a header.

    Raises:
        errors.InvalidData: A name is missing, given twice or no name of a field, a field gets two values, nothing is
            left, or the mapping speaks of a column that the header does not have. Row 0.

    """
    check_width(len(header), row=0)
    known = set(header)
    for name in [*mapping.fields, *sorted(mapping.ignored)]:
        if name not in known:
            raise errors.InvalidData(
                f"the mapping names column {name[:_SHOWN]!r}, which the data does not have{_hint(name, header)}", row=0
            )
    kept: list[int] = []
    columns: list[str] = []
    seen: set[str] = set()
    takers: dict[str, str] = dict.fromkeys(map(str.lower, mapping.constants), "a constant")
    for position, name in enumerate(header):
        if name and name in seen:
            raise errors.InvalidData(f"the header names column {name[:_SHOWN]!r} twice; drop one of them", row=0)
        seen.add(name)
        target = mapping.target(name)
        if target is not None:
            if target is name:
                check_column(name, position=position + 1, row=0)
            column = f"column {name[:_SHOWN]!r}"
            if (other := takers.setdefault(target.lower(), column)) is not column:
                raise errors.InvalidData(f"{column} and {other} both go to {target}; leave one of them out", row=0)
            kept.append(position)
            columns.append(target)
    if not kept:
        raise errors.InvalidData("every column is ignored; keep at least one", row=0)
    check_width(len(columns) + len(mapping.constants), row=0)
    return Arrangement(
        (*columns, *mapping.constants),
        tuple(kept) if len(kept) < len(header) else None,
        constant_cells(mapping),
    )


def constant_cells(mapping: FieldMapping) -> tuple[str, ...]:
    """Return the cells that a mapping adds to every row."""
    return tuple(NULL if value is None else value for value in mapping.constants.values())


def _refusal(path: str, problem: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(f"{path}: {problem}", violations=[errors.FieldViolation(path, problem)])


def _hint(name: str, header: Collection[str]) -> str:
    """Return the column that was probably meant. Only few and short names are compared: they come from callers."""
    if len(name) > _LONGEST_COMPARED:
        return ""
    spelled = {known.lower(): known for known in list(header)[:_MOST_COMPARED] if len(known) <= _LONGEST_COMPARED}
    nearest = difflib.get_close_matches(name.lower(), spelled, n=1)
    return f"; did you mean {spelled[nearest[0]]!r}?" if nearest else ""
