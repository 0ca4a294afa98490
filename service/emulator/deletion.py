"""What deleting a row does to the rows around it: some go with it, some stand in the way, some let go.

Rows go to the Recycle Bin: they keep their values, and only queries that ask for deleted rows see
them. The children of a cascade go too, and theirs; a restricting child that is not itself going
forbids the delete; other references to a deleted row are cleared.
"""

from service.emulator import faults
from service.emulator.plan import Plan
from service.emulator.references import References
from service.emulator.rows import Rows
from service.emulator.schema.model import Schema, SObject
from service.emulator.store import WRITES_COLUMN, Store, quoted

_NAMED_IN_FAULT = 5
_WRITES = quoted(WRITES_COLUMN)


class Deletion:
    """Deletes rows of one org.

    Args:
        schema: Its child relationships decide.
        store: Where the rows are.
        references: Finds the row.
        rows: Tells the time.

    """

    def __init__(self, schema: Schema, store: Store, references: References, rows: Rows) -> None:
        self._schema = schema
        self._store = store
        self._references = references
        self._rows = rows

    def delete(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Move a row and its dependants to the Recycle Bin; see `Org.delete`."""
        self._remove(sobject, record_id, user_id)

    def purge(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Remove a row and its dependants for good; see `Org.purge`."""
        with self._store.savepoint():
            for key, gone in self._remove(sobject, record_id, user_id).items():
                self._store.change(f'DELETE FROM {quoted(gone.name)} WHERE "Id" = ?', (key,))  # noqa: S608

    def _remove(self, sobject: str, record_id: str, user_id: str) -> dict[str, SObject]:
        plan = self._references.plan(sobject)
        if not plan.sobject.deletable:
            raise faults.not_permitted(plan.name, "delete")
        key = self._references.present_id(plan, record_id)
        with self._store.savepoint():
            doomed = self._doomed(plan, key)
            self._bury(plan, key, doomed, user_id)
        return doomed

    def _doomed(self, plan: Plan, record_id: str) -> dict[str, SObject]:
        doomed = {record_id: plan.sobject}
        waiting = [record_id]
        while waiting:
            parent = waiting.pop()
            for child in doomed[parent].child_relationships:
                sobject = self._schema.sobject(child.child_sobject)
                if child.cascade_delete and sobject is not None:
                    fresh = [found for found in self._children(sobject, child.field, parent) if found not in doomed]
                    doomed.update(dict.fromkeys(fresh, sobject))
                    waiting.extend(fresh)
        return doomed

    def _bury(self, plan: Plan, record_id: str, doomed: dict[str, SObject], user_id: str) -> None:
        self._refuse_restricted(plan, record_id, doomed)
        now = self._rows.now()
        for key, sobject in doomed.items():
            self._release(sobject, key, doomed)
            self._store.change(
                f'UPDATE {quoted(sobject.name)} SET "IsDeleted" = 1, "SystemModstamp" = ?, '  # noqa: S608
                f'"LastModifiedDate" = ?, "LastModifiedById" = ?, {_WRITES} = {_WRITES} + 1 WHERE "Id" = ?',
                (now, now, user_id, key),
            )
            self._store.note(sobject.name, "deleted")

    def _refuse_restricted(self, plan: Plan, record_id: str, doomed: dict[str, SObject]) -> None:
        for child in plan.sobject.child_relationships:
            sobject = self._schema.sobject(child.child_sobject)
            if not child.restricted_delete or sobject is None:
                continue
            standing = [found for found in self._children(sobject, child.field, record_id) if found not in doomed]
            if standing:
                names = [self._name(sobject, found) for found in standing[:_NAMED_IN_FAULT]]
                raise faults.delete_blocked(sobject.label_plural.lower(), names)

    def _release(self, sobject: SObject, record_id: str, doomed: dict[str, SObject]) -> None:
        for child in sobject.child_relationships:
            holder = self._schema.sobject(child.child_sobject)
            if child.cascade_delete or child.restricted_delete or holder is None:
                continue
            for found in self._children(holder, child.field, record_id):
                if found not in doomed:
                    column = quoted(child.field)
                    self._store.change(
                        f'UPDATE {quoted(holder.name)} SET {column} = NULL WHERE "Id" = ?',  # noqa: S608
                        (found,),
                    )

    def _children(self, sobject: SObject, field: str, parent_id: str) -> list[str]:
        sql = f'SELECT "Id" FROM {quoted(sobject.name)} WHERE {quoted(field)} = ? AND "IsDeleted" = 0'  # noqa: S608
        return [str(row[0]) for row in self._store.every(sql, (parent_id,))]

    def _name(self, sobject: SObject, record_id: str) -> str:
        field = sobject.name_field
        if field is None:
            return record_id
        row = self._store.one(
            f'SELECT {quoted(field.name)} FROM {quoted(sobject.name)} WHERE "Id" = ?',  # noqa: S608
            (record_id,),
        )
        return str(row[0]) if row and row[0] else record_id
