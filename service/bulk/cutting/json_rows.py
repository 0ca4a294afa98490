"""One line of JSON Lines as the cells of a row.

Source of what a cell means: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files": an empty cell leaves a
field alone, `#N/A` sets it to null.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn, cast

from service.bulk.cutting.csv_faults import decode
from service.bulk.data.columns import MAX_CELL_CHARACTERS, MAX_COLUMNS, check_column, check_lengths, check_width
from service.bulk.data.mapping import NULL, FieldMapping
from service.errors import InvalidData

Cells = tuple[tuple[str, ...], list[str]]
"""The cells of a row: Salesforce's columns, and the text of each."""

_MOST_NAMES = 20_000
_MOST_SEPARATORS = 4 * MAX_COLUMNS
"""Commas of a long line. Reading many more values than there may be would keep everybody else waiting."""
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SHOWN = 80
_BLANKS = " \t\r\n"


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
        # The keys of the row before and their columns: as a rule the next row has the same in the same order.
        self._keys: tuple[str, ...] = ()
        self._names: tuple[str, ...] = ()
        self._parse = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse_constant
        ).raw_decode

    def read(self, line: bytes, row: int) -> Cells:
        """Return a row's cells.

        Args:
            line: One JSON object.
            row: Its number.

        Raises:
            InvalidData: The line cannot be read.

        """
        text = decode(line, row).strip(_BLANKS)
        try:
            cells = self._cells(self._value(text), row)
        except json.JSONDecodeError as error:
            problem = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
            raise InvalidData(f"row {row} is not JSON: {problem}; write one object a line", row=row) from None
        except _BadRowError as error:
            raise InvalidData(f"row {row}: {error}", row=row) from None
        except RecursionError:
            raise InvalidData(f"row {row} is nested too deeply; write one flat object a line", row=row) from None
        check_width(len(cells[0]), row=row)
        if len(line) > MAX_CELL_CHARACTERS:
            check_lengths(cells[1], row=row)
        return cells

    def _value(self, text: str) -> Any:
        if len(text) > MAX_CELL_CHARACTERS and _has_many_values(text):
            raise _BadRowError(f"it holds far more than {MAX_COLUMNS:,} values; write one flat object a line")
        value, end = self._parse(text)
        if end < len(text):
            raise json.JSONDecodeError("more follows the object", text, end)
        return value

    def _cells(self, value: Any, row: int) -> Cells:
        if not isinstance(value, dict):
            raise _BadRowError("it is not a JSON object; write one object a line")
        if value and tuple(value) == self._keys:
            texts = [item if type(item) is str else _plain(item) for item in value.values()]
            if None not in texts:
                return self._names, self._with_nulls(cast("list[str]", texts))
        return self._cells_of_any(value, row)

    def _cells_of_any(self, value: dict[str, Any], row: int) -> Cells:
        """Return the cells of a row whose keys are others than those of the row before, or nest."""
        names: list[str] = []
        texts: list[str] = []
        is_plain = True
        for key, item in value.items():
            name, inner = _lookup(key, item) if isinstance(item, dict) else (key, item)
            target = self._targets[name] if name in self._targets else self._target(name, row)
            is_plain &= name is key and target is not None
            if target is not None:
                names.append(target)
                texts.append(_text(name, inner))
        if not names:
            raise _BadRowError("it has no fields")
        if len({name.lower() for name in names}) < len(names):
            raise _BadRowError(f"field {_repeated(map(str.lower, names))[:_SHOWN]!r} is given twice")
        self._names = tuple(names)
        self._keys = tuple(value) if is_plain else ()
        return self._names, self._with_nulls(texts)

    def _with_nulls(self, texts: list[str]) -> list[str]:
        if self._null_text is None or self._null_text not in texts:
            return texts
        return [NULL if text == self._null_text else text for text in texts]

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


def _has_many_values(text: str) -> bool:
    """Tell whether a line has far more values than columns may be, by the commas outside its strings.

    It is looked at string by string and only up to where that is known, because other threads wait for single steps.
    """
    if text.count(",") <= _MOST_SEPARATORS:
        return False
    found = end = 0
    for number, string in enumerate(_STRING.finditer(text)):
        found += text.count(",", end, string.start())
        if found > _MOST_SEPARATORS or number > 2 * _MOST_SEPARATORS:
            return True
        end = string.end()
    return found + text.count(",", end) > _MOST_SEPARATORS


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _BadRowError(f"key {_repeated(key for key, _ in pairs)[:_SHOWN]!r} is given twice in one object")
    return value


def _repeated(names: Iterable[str]) -> str:
    """Return the first of the names that comes again."""
    return next(name for name, times in Counter(names).items() if times > 1)


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
    text = value if isinstance(value, str) else _plain(value)
    if text is not None:
        return text
    raise _BadRowError(f"field {name[:_SHOWN]!r} holds a list or a nested object; only lookups by external id may nest")


def _plain(value: Any) -> str | None:
    """Return what a value is written as that is no text; None if it holds others."""
    if value is None:
        return NULL
    if value is True:
        return "true"
    return "false" if value is False else None
