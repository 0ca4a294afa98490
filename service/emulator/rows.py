"""What creating, changing and upserting rows means: every check Salesforce makes, in its order."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from service.clock import Clock
from service.emulator import faults, ids, values
from service.emulator.derivations import DERIVATIONS, Derivation, Draft
from service.emulator.faults import MultipleMatches
from service.emulator.plan import FieldWriter, ParentKey, Plan
from service.emulator.schema.model import Schema
from service.emulator.store import Store, quoted
from service.emulator.values import Stored

_FIRST_AUTO_NUMBER = 1000
_AUTO_NUMBER_DIGITS = 8
_UNCHANGING = Derivation((), lambda _draft: None)


@dataclass(frozen=True, slots=True)
class Saved:
    """What an upsert did."""

    id: str
    """18 characters."""
    created: bool


class Rows:
    """Writes the rows of one org.

    The checks of a create run in this order, and the first that fails is the answer: unknown field,
    type of a value, read-only field, required field, then length, picklist, address and range, then
    references, then unique values. A failed call changes nothing.

    Args:
        schema: The org's sObjects.
        store: Where the rows are.
        clock: Dates the rows.
        pod: Two characters that the org's ids carry behind the key prefix.

    """

    def __init__(self, schema: Schema, store: Store, clock: Clock, *, pod: str = ids.DEFAULT_POD) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._pod = pod
        self._plans = {sobject.name: Plan(schema, sobject) for sobject in schema.sobjects}
        self._last_ids: dict[str, int] = {}
        self._last_numbers: dict[tuple[str, str], int] = {}
        self._second = -1
        self._now = ""

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

    def create(self, sobject: str, given: Mapping[str, object], *, user_id: str) -> str:
        """Create a row and return its id; see `Org.create`."""
        plan = self.plan(sobject)
        if not plan.sobject.createable:
            raise faults.not_permitted(plan.name, "create")
        assigned, parents = plan.read(given)
        if assigned.get("Id") is not None:
            raise faults.id_in_create()
        assigned.pop("Id", None)
        looked_up = [parent.writer.name for parent in parents]
        plan.refuse_read_only([*assigned, *looked_up], creating=True)
        plan.refuse_missing(assigned, looked_up)
        plan.check(assigned)
        self._resolve(plan, assigned, parents)
        return self.insert(plan, assigned, user_id=user_id)

    def insert(self, plan: Plan, assigned: dict[str, Stored], *, user_id: str, record_id: str | None = None) -> str:
        """Store a row whose values are known to be good.

        Args:
            plan: The sObject.
            assigned: Stored values by canonical name.
            user_id: Who makes and owns the row, 18 characters.
            record_id: The id to give it; None takes the next.

        Raises:
            SalesforceFault: DUPLICATE_VALUE, or what a derivation refuses.

        """
        now = self.now()
        row = plan.template.copy()
        row.update(assigned)
        row["Id"] = record_id or self.next_id(plan)
        row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"] = now
        row["CreatedById"] = row["LastModifiedById"] = user_id
        if "OwnerId" in row and row["OwnerId"] is None:
            row["OwnerId"] = user_id
        derivation = DERIVATIONS.get(plan.name, _UNCHANGING)
        derivation.complete(Draft(row, frozenset(assigned), now, self._account_of))
        for name in plan.auto_numbers:
            row[name] = self._next_number(plan, name)
        self._change(plan, plan.insert, row)
        return str(row["Id"])

    def update(self, sobject: str, record_id: str, given: Mapping[str, object], *, user_id: str) -> None:
        """Change fields of a row; see `Org.update`."""
        plan = self.plan(sobject)
        if not plan.sobject.updateable:
            raise faults.not_permitted(plan.name, "update")
        assigned, parents = plan.read(given)
        if "Id" in assigned:
            raise faults.repeated_external_id("Id")
        key = self.present_id(plan, record_id)
        plan.refuse_read_only([*assigned, *(parent.writer.name for parent in parents)], creating=False)
        plan.refuse_null(assigned)
        plan.check(assigned)
        self._resolve(plan, assigned, parents)
        self._complete_update(plan, key, assigned)
        assigned["LastModifiedById"] = user_id
        assigned["LastModifiedDate"] = assigned["SystemModstamp"] = self.now()
        changes = ", ".join(f"{quoted(name)} = :{name}" for name in assigned)
        assigned["Id"] = key
        self._change(plan, f'UPDATE {plan.table} SET {changes} WHERE "Id" = :Id', assigned)  # noqa: S608

    def upsert(  # see Org.upsert for the arguments
        self,
        sobject: str,
        key_field: str,
        key: str,
        given: Mapping[str, object],
        *,
        user_id: str,
        update_only: bool = False,
    ) -> Saved:
        """Update the row that has a key, or create it; see `Org.upsert`."""
        plan = self.plan(sobject)
        writer = plan.key_writer(key_field)
        if writer is None:
            raise faults.unknown_external_id_field()
        body = _without_key(writer, key, given)
        if writer.name == "Id":
            if key:
                self.update(plan.name, key, body, user_id=user_id)
                return Saved(str(ids.normalise(key)), created=False)
            return Saved(self.create(plan.name, body, user_id=user_id), created=True)
        if not key:
            raise faults.missing_key(writer.name)
        matches = self.matches(plan, writer, key)
        if len(matches) > 1:
            raise MultipleMatches(plan.name, matches)
        if matches:
            self.update(plan.name, matches[0], body, user_id=user_id)
            return Saved(matches[0], created=False)
        if update_only:
            raise faults.record_not_found(key)
        return Saved(self.create(plan.name, {**body, writer.name: key}, user_id=user_id), created=True)

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

    def now(self) -> str:
        """Return the present moment as datetime fields are stored."""
        second = int(self._clock.now())
        if second != self._second:
            self._second, self._now = second, values.format_datetime(second)
        return self._now

    def next_id(self, plan: Plan) -> str:
        """Return an id that no row of the sObject has had."""
        last = self._last_ids.get(plan.name)
        if last is None:
            row = self._store.one(f'SELECT MAX("Id") FROM {plan.table}')  # noqa: S608 - names of the schema
            last = ids.counter_of(str(row[0])) if row and row[0] else 0
        self._last_ids[plan.name] = last + 1
        return ids.from_counter(plan.sobject.key_prefix, last + 1, self._pod)

    def _resolve(self, plan: Plan, assigned: dict[str, Stored], parents: list[ParentKey]) -> None:
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
        if writer is None or parent.value in {None, ""}:
            raise faults.bad_parent(parent.writer.field.relationship_name or parent.writer.name)
        if writer.name == "Id":
            return self.present_id(plan, str(parent.value))
        found = self.matches(plan, writer, parent.value)
        if not found:
            raise faults.unmatched_parent(parent.writer.name, plan.name, writer.name, parent.value)
        if len(found) > 1:
            raise faults.ambiguous_parent(parent.writer.name, plan.name, writer.name, parent.value)
        return found[0]

    def _complete_update(self, plan: Plan, record_id: str, assigned: dict[str, Stored]) -> None:
        derivation = DERIVATIONS.get(plan.name, _UNCHANGING)
        if not any(name in assigned for name in derivation.inputs):
            return
        columns = ", ".join(quoted(name) for name in derivation.inputs)
        row = self._store.one(f'SELECT {columns} FROM {plan.table} WHERE "Id" = ?', (record_id,))  # noqa: S608
        before = dict(zip(derivation.inputs, row or (), strict=True))
        given = frozenset(assigned)
        derivation.complete(Draft(assigned, given, self.now(), self._account_of, before, creating=False))

    def _account_of(self, record_id: str) -> Stored:
        sobject = self._schema.by_key_prefix(record_id[:3])
        if sobject is None or sobject.name == "Account":
            return record_id if sobject else None
        if sobject.field("AccountId") is None:
            return None
        row = self._store.one(f'SELECT "AccountId" FROM {quoted(sobject.name)} WHERE "Id" = ?', (record_id,))  # noqa: S608
        return row[0] if row else None

    def _change(self, plan: Plan, sql: str, row: dict[str, Stored]) -> None:
        try:
            self._store.change(sql, row)
        except sqlite3.IntegrityError:
            raise self._duplicate(plan, row) from None
        except UnicodeEncodeError:
            raise faults.unparsable("Invalid UTF-8: a text holds half of a surrogate pair") from None

    def _duplicate(self, plan: Plan, row: Mapping[str, Stored]) -> faults.SalesforceFault:
        for name in plan.unique:
            sql = f'SELECT "Id" FROM {plan.table} WHERE {quoted(name)} = ? AND "IsDeleted" = 0 AND "Id" <> ?'  # noqa: S608
            holder = self._store.one(sql, (row.get(name), row["Id"]))
            if holder is not None:
                return faults.duplicate_value(name, str(holder[0]))
        return faults.duplicate_value("Id", str(row["Id"]))

    def _next_number(self, plan: Plan, name: str) -> str:
        last = self._last_numbers.get((plan.name, name))
        if last is None:
            row = self._store.one(f"SELECT MAX(CAST({quoted(name)} AS INTEGER)) FROM {plan.table}")  # noqa: S608
            last = int(row[0]) if row and row[0] else _FIRST_AUTO_NUMBER - 1
        self._last_numbers[plan.name, name] = last + 1
        return f"{last + 1:0{_AUTO_NUMBER_DIGITS}}"


def _without_key(writer: FieldWriter, key: str, given: Mapping[str, object]) -> dict[str, object]:
    body = {}
    for name, value in given.items():
        if name.lower() != writer.name.lower():
            body[name] = value
        elif (value is not None or writer.name != "Id") and (writer.name == "Id" or str(value).lower() != key.lower()):
            raise faults.repeated_external_id(writer.name)
    return body
