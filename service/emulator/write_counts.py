"""How often the rows of one org were written: what a test needs to see that nothing was written twice."""

from collections.abc import Mapping

from service.emulator import faults, values
from service.emulator.references import References
from service.emulator.store import WRITES_COLUMN, Kind, Store, quoted

_KINDS: tuple[Kind, ...] = ("inserted", "updated", "deleted")


class WriteCounts:
    """The counts of one org. What was rolled back never counts; what goes with a deleted row is deleted, too.

    Args:
        store: Counts.
        references: Finds sObjects by name.

    """

    def __init__(self, store: Store, references: References) -> None:
        self._store = store
        self._references = references

    def totals(self) -> dict[str, dict[Kind, int]]:
        """Return how many rows were written since the counts were forgotten, by sObject and what was done."""
        names = sorted({sobject for sobject, _ in self._store.written})
        return {name: {kind: self._store.written.get((name, kind), 0) for kind in _KINDS} for name in names}

    def by_key(self, sobject: str, field: str = "Id", *, least: int = 1) -> Mapping[str, int]:
        """Return how often records were written, those in the Recycle Bin too; rows removed for good are not known.

        Args:
            sobject: API name.
            field: What the records are told apart by; the writes of records with one value add up. Those that have
                none are left out.
            least: Only what was written so often.

        Raises:
            SalesforceFault: NOT_FOUND for the sObject, INVALID_FIELD for the field.

        """
        plan = self._references.plan(sobject)
        known = plan.sobject.field(field)
        if known is None or not known.stored:
            raise faults.unknown_field(plan.name, field)
        column, writes, render = quoted(known.name), quoted(WRITES_COLUMN), values.renderer(known)
        rows = self._store.every(
            f"SELECT {column}, sum({writes}) FROM {plan.table} WHERE {column} IS NOT NULL "  # noqa: S608
            f"GROUP BY {column} HAVING sum({writes}) >= ? ORDER BY min(rowid)",
            (least,),
        )
        return {str(key if render is None else render(key)): int(count or 0) for key, count in rows}

    def forget(self) -> None:
        """Count from nothing again."""
        for sobject in {name for name, _ in self._store.written}:
            self._store.change(f"UPDATE {quoted(sobject)} SET {quoted(WRITES_COLUMN)} = 0")  # noqa: S608
        self._store.written.clear()
