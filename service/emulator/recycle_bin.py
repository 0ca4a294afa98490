"""The Recycle Bin of one org, and the lists of what was deleted and changed in a span of time.

Source: Salesforce REST API, "sObject Get Deleted" and "sObject Get Updated". A deleted row's `SystemModstamp` is the
moment of its deletion; after 15 days it is gone for good.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from service.clock import Clock
from service.emulator import faults, ids
from service.emulator.faults import SalesforceFault
from service.emulator.plan import Plan
from service.emulator.references import References
from service.emulator.schema.model import Schema
from service.emulator.store import Store, quoted
from service.emulator.values import epoch_seconds, format_datetime

KEPT_SECONDS = 15 * 86_400
"""How long a deleted row can be seen."""
UPDATED_SECONDS = 30 * 86_400
"""How far back changes are listed."""
MAXIMUM_IDS = 600_000
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, start included and end not, in whole minutes as Salesforce takes them."""

    start: int
    """Epoch seconds."""
    end: int
    """Epoch seconds."""

    @classmethod
    def between(cls, start: float, end: float) -> "Window":
        """Make a window of two moments, whose seconds do not count."""
        return cls(int(start) // _MINUTE * _MINUTE, int(end) // _MINUTE * _MINUTE)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted in a window."""

    records: Sequence[tuple[str, str]]
    """Ids and moments of deletion, oldest first."""
    earliest_available: str
    latest_covered: str


@dataclass(frozen=True, slots=True)
class Updated:
    """What was created or changed in a window, and still is there."""

    ids: Sequence[str]
    latest_covered: str


class RecycleBin:
    """The deleted rows of one org.

    Args:
        schema: The org's sObjects.
        store: Where the rows are.
        references: Finds sObjects by name.
        clock: Ages the rows.
        in_file: Whether rows may be older than this object.

    """

    def __init__(self, schema: Schema, store: Store, references: References, clock: Clock, *, in_file: bool) -> None:
        self._schema = schema
        self._store = store
        self._references = references
        self._clock = clock
        self._due = 0.0 if in_file else clock.now() + KEPT_SECONDS

    def purge(self) -> None:
        """Let go of rows that were deleted more than 15 days ago; costs nothing until the oldest has come that far."""
        now = self._clock.now()
        if now < self._due:
            return
        limit = format_datetime(now - KEPT_SECONDS)
        oldest = ""
        for sobject in self._schema.sobjects:
            table = quoted(sobject.name)
            self._store.change(f'DELETE FROM {table} WHERE "IsDeleted" = 1 AND "SystemModstamp" <= ?', (limit,))  # noqa: S608
            row = self._store.one(f'SELECT MIN("SystemModstamp") FROM {table} WHERE "IsDeleted" = 1')  # noqa: S608
            if row and row[0]:
                oldest = min(oldest or str(row[0]), str(row[0]))
        self._due = (epoch_seconds(oldest) if oldest else now) + KEPT_SECONDS

    def deleted(self, sobject: str, window: Window) -> Deleted:
        """List what was deleted in a window of the last 15 days.

        Args:
            sobject: API name.
            window: Start and end.

        Raises:
            SalesforceFault: INVALID_REPLICATION_DATE for the window, EXCEEDED_ID_LIMIT above 600,000 records,
                NOT_FOUND for the sObject.

        """
        self.purge()
        plan = self._plan(sobject)
        self._check(window, KEPT_SECONDS)
        rows = self._store.every(
            f'SELECT "Id", "SystemModstamp" FROM {plan.table} WHERE "IsDeleted" = 1 AND "SystemModstamp" >= ? '  # noqa: S608
            f'AND "SystemModstamp" < ? ORDER BY "SystemModstamp", rowid LIMIT {MAXIMUM_IDS + 1}',
            self._moments(window),
        )
        _refuse_many(rows)
        earliest = format_datetime(self._clock.now() - KEPT_SECONDS)
        return Deleted([(str(key), str(moment)) for key, moment in rows], earliest, self._covered(window))

    def updated(self, sobject: str, window: Window) -> Updated:
        """List what was created or changed in a window of the last 30 days; see `deleted`."""
        plan = self._plan(sobject)
        self._check(window, UPDATED_SECONDS)
        rows = self._store.every(
            f'SELECT "Id" FROM {plan.table} WHERE "IsDeleted" = 0 AND "LastModifiedDate" >= ? '  # noqa: S608
            f'AND "LastModifiedDate" < ? ORDER BY "LastModifiedDate", rowid LIMIT {MAXIMUM_IDS + 1}',
            self._moments(window),
        )
        _refuse_many(rows)
        return Updated([str(row[0]) for row in rows], self._covered(window))

    def restore(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Take a record out of the bin, with the children that went in with it; see `Org.undelete`."""
        self.purge()
        plan = self._references.plan(sobject)
        key = ids.normalise(record_id)
        if key is None or key[:3] != plan.sobject.key_prefix:
            raise faults.wrong_id_type("Id", plan.id_label, record_id)
        row = self._store.one(f'SELECT "IsDeleted", "SystemModstamp" FROM {plan.table} WHERE "Id" = ?', (key,))  # noqa: S608
        if row is None or not row[0] or not plan.sobject.undeletable:
            raise faults.not_in_bin()
        try:
            with self._store.savepoint():
                self._raise(plan, key, str(row[1]), user_id)
        except sqlite3.IntegrityError:
            raise SalesforceFault(400, "DUPLICATE_VALUE", "duplicate value found: <unknown>") from None

    def _raise(self, plan: Plan, record_id: str, deleted_at: str, user_id: str) -> None:
        now = format_datetime(self._clock.now())
        waiting = [(plan, record_id)]
        while waiting:
            parent, key = waiting.pop()
            self._store.change(
                f'UPDATE {parent.table} SET "IsDeleted" = 0, "SystemModstamp" = ?, "LastModifiedDate" = ?, '  # noqa: S608
                '"LastModifiedById" = ? WHERE "Id" = ?',
                (now, now, user_id, key),
            )
            for child in parent.sobject.child_relationships:
                if child.cascade_delete and self._schema.sobject(child.child_sobject) is not None:
                    held = self._references.plan(child.child_sobject)
                    rows = self._store.every(
                        f'SELECT "Id" FROM {held.table} WHERE {quoted(child.field)} = ? AND "IsDeleted" = 1 '  # noqa: S608
                        'AND "SystemModstamp" = ?',
                        (key, deleted_at),
                    )
                    waiting.extend((held, str(row[0])) for row in rows)

    def _plan(self, sobject: str) -> Plan:
        plan = self._references.plan(sobject)
        if not plan.sobject.replicateable:
            raise faults.unknown_object()
        return plan

    def _check(self, window: Window, reach: int) -> None:
        if window.end - window.start < _MINUTE:
            raise faults.bad_replication_date("The end date must be at least one minute greater than the start date")
        if window.start < self._clock.now() - reach - _MINUTE:
            raise faults.bad_replication_date(f"The start date cannot be more than {reach // 86_400} days ago")

    def _moments(self, window: Window) -> tuple[str, str]:
        return format_datetime(window.start), format_datetime(window.end)

    def _covered(self, window: Window) -> str:
        return format_datetime(min(window.end, int(self._clock.now()) // _MINUTE * _MINUTE))


def _refuse_many(rows: Sequence[object]) -> None:
    if len(rows) > MAXIMUM_IDS:
        raise SalesforceFault(400, "EXCEEDED_ID_LIMIT", f"The list would hold more than {MAXIMUM_IDS} ids")
