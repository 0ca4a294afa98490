"""Numbers that only go up: record ids and auto numbers, continued from what the database holds."""

import re

from service.emulator import ids
from service.emulator.plan import Plan
from service.emulator.store import Store, quoted

_PLACE = re.compile(r"\{(0+|YYYY|YY|MM|DD)\}", re.ASCII)


class Sequences:
    """Gives out ids and auto numbers of one org; none is given twice, also not after a roll-back.

    Args:
        store: Tells where to go on.
        pod: Two characters that ids carry behind the key prefix.

    """

    def __init__(self, store: Store, pod: str) -> None:
        self._store = store
        self._pod = pod
        self._last_ids: dict[str, int] = {}
        self._last_numbers: dict[tuple[str, str], int] = {}

    def next_id(self, plan: Plan) -> str:
        """Return an id that no row of the sObject has had."""
        last = self._last_ids.get(plan.name)
        if last is None:
            row = self._store.one(f'SELECT MAX("Id") FROM {plan.table}')  # noqa: S608 - names of the schema
            last = ids.counter_of(str(row[0])) if row and row[0] else 0
        self._last_ids[plan.name] = last + 1
        return ids.from_counter(plan.sobject.key_prefix, last + 1, self._pod)

    def next_number(self, plan: Plan, name: str, now: str) -> str:
        """Return the next value of an auto number field, in its display format.

        Args:
            plan: The sObject.
            name: Canonical name of the field.
            now: The stored datetime whose date goes into the number.

        """
        field = plan.field(name)
        last = self._last_numbers.get((plan.name, name))
        if last is None:
            # Numbers only go up, so the youngest row has the highest.
            row = self._store.one(
                f"SELECT {quoted(name)} FROM {plan.table} WHERE {quoted(name)} IS NOT NULL ORDER BY rowid DESC LIMIT 1"  # noqa: S608
            )
            last = _counter(field.display_format, str(row[0])) if row else None
            last = field.first_number - 1 if last is None else last
        self._last_numbers[plan.name, name] = last + 1
        return _displayed(field.display_format, last + 1, now)


def _displayed(display_format: str, number: int, now: str) -> str:
    parts = {"YYYY": now[:4], "YY": now[2:4], "MM": now[5:7], "DD": now[8:10]}

    def fill(match: re.Match[str]) -> str:
        return parts.get(match[1]) or f"{number:0{len(match[1])}}"

    return _PLACE.sub(fill, display_format)


def _counter(display_format: str, value: str) -> int | None:
    pattern = ""
    rest = display_format
    while place := _PLACE.search(rest):
        dated = place[1] in {"YYYY", "YY", "MM", "DD"}
        pattern += re.escape(rest[: place.start()]) + (rf"\d{{{len(place[1])}}}" if dated else r"(\d+)")
        rest = rest[place.end() :]
    match = re.fullmatch(pattern + re.escape(rest), value, re.ASCII)
    return int(match[1]) if match else None
