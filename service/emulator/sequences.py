"""Numbers that only go up: record ids and auto numbers, continued from what the database holds."""

from service.emulator import ids
from service.emulator.plan import Plan
from service.emulator.store import Store, quoted

_FIRST_AUTO_NUMBER = 1000
_AUTO_NUMBER_DIGITS = 8


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

    def next_number(self, plan: Plan, name: str) -> str:
        """Return the next value of an auto number field: eight digits, the first 00001000."""
        last = self._last_numbers.get((plan.name, name))
        if last is None:
            row = self._store.one(f"SELECT MAX(CAST({quoted(name)} AS INTEGER)) FROM {plan.table}")  # noqa: S608
            last = int(row[0]) if row and row[0] else _FIRST_AUTO_NUMBER - 1
        self._last_numbers[plan.name, name] = last + 1
        return f"{last + 1:0{_AUTO_NUMBER_DIGITS}}"
