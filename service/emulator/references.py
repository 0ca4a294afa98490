"""Finding rows that others point at: by id, by external id, by a parent's external id."""

from collections.abc import Mapping

from service.emulator import faults, ids, values
from service.emulator.decimals import LARGEST
from service.emulator.faults import MultipleMatches
from service.emulator.plan import FieldWriter, ParentKey, Plan, plans_of
from service.emulator.schema.model import Schema
from service.emulator.store import Store, quoted
from service.emulator.values import Stored


class References:
    """Finds the rows of one org.

    Args:
        schema: The org's sObjects.
        store: Where the rows are.
        plans: Of all sObjects, where they have been made already.

    """

    def __init__(self, schema: Schema, store: Store, plans: Mapping[str, Plan] | None = None) -> None:
        self._schema = schema
        self._store = store
        self._plans = plans if plans is not None else plans_of(schema)

    def plan(self, sobject: str) -> Plan:
        """Return the plan of an sObject, whatever the case of its name.

        Raises:
            SalesforceFault: NOT_FOUND when the org has no such sObject.

        """
        plan = self._plans.get(sobject)
        if plan is None:
            found = self._schema.sobject(sobject)
            if found is None:
                raise faults.unknown_object()
            plan = self._plans[found.name]
        return plan

    def find(self, sobject: str, key_field: str, key: str) -> str:
        """Return the id of the one row that has a key; see `Org.find`."""
        plan = self.plan(sobject)
        writer = plan.key_writer(key_field)
        if writer is None:
            raise faults.unknown_external_id_field()
        if writer.name == "Id":
            return self.present_id(plan, key)
        found = self.matches(plan, writer, key)
        if not found:
            raise faults.record_not_found(key)
        if len(found) > 1:
            raise MultipleMatches(plan.name, found)
        return found[0]

    def matches(self, plan: Plan, writer: FieldWriter, key: object) -> list[str]:
        """Return the ids of all rows outside the Recycle Bin whose field holds the key, oldest first.

        Raises:
            SalesforceFault: JSON_PARSER_ERROR when the key is not of the field's type.

        """
        stored = writer.read(key)
        if isinstance(stored, int) and abs(stored) > LARGEST:
            return []
        where = f'{quoted(writer.name)} = ? AND "IsDeleted" = 0'
        found = self._store.every(f'SELECT "Id" FROM {plan.table} WHERE {where} ORDER BY rowid', (stored,))  # noqa: S608
        return [str(row[0]) for row in found]

    def present_id(self, plan: Plan, record_id: str) -> str:
        """Return the 18-character id of a row that exists and is not deleted.

        Raises:
            SalesforceFault: MALFORMED_ID, NOT_FOUND or ENTITY_IS_DELETED.

        """
        key = ids.normalise(record_id)
        if key is None or key[:3] != plan.sobject.key_prefix:
            raise faults.wrong_id_type("Id", plan.id_label, record_id)
        row = self._store.one(f'SELECT "IsDeleted" FROM {plan.table} WHERE "Id" = ?', (key,))  # noqa: S608
        if row is None:
            raise faults.record_not_found(key)
        if row[0]:
            raise faults.record_deleted()
        return key

    def row(self, plan: Plan, record_id: str) -> dict[str, Stored]:
        """Return every stored field of a row by canonical name; nothing when there is no such row.

        Args:
            plan: The sObject.
            record_id: 18 characters.

        """
        names = tuple(plan.template)
        columns = ", ".join(quoted(name) for name in names)
        found = self._store.one(f'SELECT {columns} FROM {plan.table} WHERE "Id" = ?', (record_id,))  # noqa: S608
        return dict(zip(names, found, strict=True)) if found else {}

    def resolve(self, plan: Plan, assigned: dict[str, Stored], parents: list[ParentKey]) -> None:
        """Make every reference of a row about to be written the 18-character id of a row that exists.

        Args:
            plan: The sObject.
            assigned: Stored values by canonical name; changed in place.
            parents: Lookups given by the parent's external id.

        Raises:
            SalesforceFault: MALFORMED_ID, INVALID_CROSS_REFERENCE_KEY, or INVALID_FIELD for an external id.

        """
        for writer in plan.references(assigned):
            found = values.to_id(writer.field, assigned[writer.name], writer.targets)
            target = self._schema.by_key_prefix(found[:3]) if writer.targets else None
            if target is None or not self._exists(target.name, found):
                raise faults.broken_reference(writer.name)
            assigned[writer.name] = found
        for parent in parents:
            assigned[parent.writer.name] = self._find_parent(parent)

    def _exists(self, sobject: str, record_id: str) -> bool:
        sql = f'SELECT 1 FROM {quoted(sobject)} WHERE "Id" = ? AND "IsDeleted" = 0'  # noqa: S608 - names of the schema
        return self._store.one(sql, (record_id,)) is not None

    def _find_parent(self, parent: ParentKey) -> str:
        plan = self._plans[parent.parent.name]
        writer = plan.key_writer(parent.key_field.name)
        if writer is None or parent.value is None or parent.value == "":
            raise faults.bad_parent(parent.writer.field.relationship_name or parent.writer.name)
        if writer.name == "Id":
            return self.present_id(plan, str(parent.value))
        found = self.matches(plan, writer, parent.value)
        if not found:
            raise faults.unmatched_parent(parent.writer.name, plan.name, writer.name, parent.value)
        if len(found) > 1:
            raise faults.ambiguous_parent(parent.writer.name, plan.name, writer.name, parent.value)
        return found[0]

    def account_of(self, record_id: str) -> Stored:
        """Return the account a record is or belongs to, or None."""
        sobject = self._schema.by_key_prefix(record_id[:3])
        if sobject is None or sobject.name == "Account":
            return record_id if sobject else None
        if sobject.field("AccountId") is None:
            return None
        row = self._store.one(f'SELECT "AccountId" FROM {quoted(sobject.name)} WHERE "Id" = ?', (record_id,))  # noqa: S608
        return row[0] if row else None
