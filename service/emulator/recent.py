"""What each user has used recently: `recentItems`, and when a record was last viewed.

Source: Salesforce REST API, "sObject Basic Information" and "MRU Header": a call counts when its header says so.
The moment is kept for each record, where Salesforce keeps it for each record and user.
"""

from collections import OrderedDict

from service.emulator.plan import Plan
from service.emulator.store import Store, quoted

_KEPT = 200
_MOMENTS = ("LastViewedDate", "LastReferencedDate")


class Recent:
    """The records that the users of one org used recently; they are forgotten when the org closes.

    Args:
        store: Where the rows are.

    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._items: dict[tuple[str, str], OrderedDict[str, None]] = {}

    def note(self, plan: Plan, record_id: str, *, user_id: str, now: str) -> None:
        """Make a record the one its user used last.

        Args:
            plan: The sObject.
            record_id: 18 characters.
            user_id: 18 characters.
            now: The moment, as datetime fields are stored.

        """
        items = self._items.setdefault((user_id, plan.name), OrderedDict())
        items.pop(record_id, None)
        items[record_id] = None
        while len(items) > _KEPT:
            items.popitem(last=False)
        columns = [name for name in _MOMENTS if name in plan.template]
        if columns:
            changes = ", ".join(f"{quoted(name)} = ?" for name in columns)
            sql = f'UPDATE {plan.table} SET {changes} WHERE "Id" = ?'  # noqa: S608 - names of the schema
            self._store.change(sql, (*(now for _ in columns), record_id))

    def ids(self, plan: Plan, user_id: str) -> list[str]:
        """Return the ids of the records that are still there, the latest first."""
        items = self._items.get((user_id, plan.name), ())
        return [
            record_id
            for record_id in reversed(items)
            if self._store.one(f'SELECT 1 FROM {plan.table} WHERE "Id" = ? AND "IsDeleted" = 0', (record_id,))  # noqa: S608
        ]
