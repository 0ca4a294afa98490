"""One line of JSON Lines as the cells of a row.

Source of what a cell means: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files": an empty cell leaves a
field alone, `#N/A` sets it to null.
"""

import json
from typing import Any, NoReturn

from service.bulk.columns import MAX_CELL_CHARACTERS, check_column, check_lengths, check_width
from service.bulk.csv_faults import decode
from service.bulk.mapping import NULL, FieldMapping
from service.errors import InvalidData

_MOST_NAMES = 20_000
_SHOWN = 80


class _BadRowError(ValueError):
    """A row that is JSON and cannot be loaded; the text says why."""


class JsonRows:
    """Reads lines: null becomes `#N/A`, true and false their names, a number its own digits.

    `{"Account": {"Ext__c": "A-1"}}` is the column `Account.Ext__c`. An absent key leaves its field alone, as an empty
    string does unless the mapping says that it means null.

    Args:
        mapping: What becomes of the keys.

    """

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping
        self._null_text = mapping.null_text
        self._constants = {name.lower() for name in mapping.constants}
        # What keys are called in Salesforce; None for those that stay out.
        self._targets: dict[str, str | None] = {}
        self._last_names: tuple[str, ...] = ()
        self._parse = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse_constant
        ).decode

    def read(self, line: bytes, row: int) -> dict[str, str]:
        """Return a row's cells by Salesforce's column.

        Args:
            line: One JSON object.
            row: Its number.

        Raises:
            InvalidData: The line cannot be read.

        """
        text = decode(line, row)
        try:
            cells = self._cells(self._parse(text), row)
        except json.JSONDecodeError as error:
            raise InvalidData(
                f"row {row} is not JSON: {error.msg} at character {error.pos + 1}; write one object a line", row=row
            ) from None
        except _BadRowError as error:
            raise InvalidData(f"row {row}: {error}", row=row) from None
        except RecursionError:
            raise InvalidData(f"row {row} is nested too deeply; write one flat object a line", row=row) from None
        check_width(len(cells), row=row)
        if len(line) > MAX_CELL_CHARACTERS:
            check_lengths(tuple(cells.values()), row=row)
        return cells

    def _cells(self, value: Any, row: int) -> dict[str, str]:
        if not isinstance(value, dict):
            raise _BadRowError("it is not a JSON object; write one object a line")
        cells: dict[str, str] = {}
        targets, null_text = self._targets, self._null_text
        count = 0
        for key, item in value.items():
            name, inner = _lookup(key, item) if type(item) is dict else (key, item)
            target = targets[name] if name in targets else self._target(name, row)
            if target is not None:
                text = inner if type(inner) is str else _text(name, inner)
                cells[target] = NULL if text == null_text else text
                count += 1
        if not count:
            raise _BadRowError("it has no fields")
        names = tuple(cells)
        if len(cells) < count or (names != self._last_names and len({name.lower() for name in names}) < count):
            raise _BadRowError("a field is given twice")
        self._last_names = names
        return cells

    def _target(self, name: str, row: int) -> str | None:
        target = self._mapping.target(name)
        if target is not None and target is name:
            check_column(name, position=None, row=row)
        if target is not None and target.lower() in self._constants:
            raise _BadRowError(f"field {target} has the same value in all rows; leave it out")
        if len(self._targets) >= _MOST_NAMES:
            self._targets.clear()
        self._targets[name] = target
        return target


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _BadRowError("a key is given twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _BadRowError(f"{name} is not a number of JSON")


def _lookup(key: str, value: dict[str, Any]) -> tuple[str, Any]:
    if len(value) != 1:
        raise _BadRowError(
            f'field {key[:_SHOWN]!r} must hold one external id, as in {{"Account": {{"Ext__c": "A-1"}}}}'
        )
    ((field, item),) = value.items()
    return f"{key}.{field}", item


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return NULL
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise _BadRowError(f"field {name[:_SHOWN]!r} holds a list or a nested object; only lookups by external id may nest")
