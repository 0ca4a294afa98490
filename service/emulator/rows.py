"""What creating, changing and upserting rows means: every check Salesforce makes, in its order."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.clock import Clock
from service.emulator import faults, ids, values
from service.emulator.derivations import DERIVATIONS, Derivation, Draft
from service.emulator.faults import MultipleMatches, SalesforceFault
from service.emulator.folding import fold, is_plain
from service.emulator.guards import Guards
from service.emulator.plan import FieldWriter, Plan
from service.emulator.references import References
from service.emulator.sequences import Sequences
from service.emulator.store import Store, quoted
from service.emulator.values import Stored
from service.emulator.write_options import PLAIN, WriteOptions

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
    record type and references, then unique values, then duplicate rules and validation rules. A failed call
    changes nothing.

    Args:
        store: Where the rows are.
        references: Finds rows and what they point at.
        sequences: Gives ids and auto numbers.
        clock: Dates the rows.
        guards: The administrator's rules.

    """

    def __init__(
        self, store: Store, references: References, sequences: Sequences, clock: Clock, guards: Guards
    ) -> None:
        self._store = store
        self._references = references
        self._sequences = sequences
        self._clock = clock
        self._guards = guards
        self._second = -1
        self._now = ""

    def create(self, sobject: str, given: Mapping[str, object], *, user_id: str, options: WriteOptions = PLAIN) -> str:
        """Create a row and return its id; see `Org.create`."""
        plan = self._references.plan(sobject)
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
        self._guards.assign(plan, assigned, options, creating=True)
        self._references.resolve(plan, assigned, parents)
        self._guards.check_owner(plan, assigned)
        return self.insert(plan, assigned, user_id=user_id, options=options)

    def insert(
        self,
        plan: Plan,
        assigned: dict[str, Stored],
        *,
        user_id: str,
        record_id: str | None = None,
        options: WriteOptions = PLAIN,
    ) -> str:
        """Store a row whose values are known to be good.

        Args:
            plan: The sObject.
            assigned: Stored values by canonical name.
            user_id: Who makes and owns the row, 18 characters.
            record_id: The id to give it; None takes the next.
            options: How the call wants duplicates treated.

        Raises:
            SalesforceFault: DUPLICATE_VALUE, or what a derivation or a guard refuses.

        """
        now = self.now()
        row = plan.template.copy()
        row.update(assigned)
        if not (plan.plain and is_plain(assigned.values())):
            self._store.fold_case()
        row["Id"] = record_id or self._sequences.next_id(plan)
        row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"] = now
        row["CreatedById"] = row["LastModifiedById"] = user_id
        if "OwnerId" in row and row["OwnerId"] is None:
            row["OwnerId"] = user_id
        derivation = DERIVATIONS.get(plan.name, _UNCHANGING)
        derivation.complete(Draft(row, frozenset(assigned), now, self._references.account_of, plan.places))
        for name in plan.auto_numbers:
            row[name] = self._sequences.next_number(plan, name, now)
        if plan.named_by_id and row["Name"] is None:
            row["Name"] = row["Id"]
        if self._guards.watch(plan):
            self._guard(plan, assigned, row, None, options)
        self._change(plan, *plan.insertion(row), row)
        self._store.note(plan.name, "inserted")
        return str(row["Id"])

    def update(
        self,
        sobject: str,
        record_id: str,
        given: Mapping[str, object],
        *,
        user_id: str,
        options: WriteOptions = PLAIN,
        present: bool = False,
    ) -> None:
        """Change fields of a row, which is looked for unless it is known to be present; see `Org.update`."""
        plan = self._references.plan(sobject)
        if not plan.sobject.updateable:
            raise faults.not_permitted(plan.name, "update")
        assigned, parents = plan.read(given)
        if "Id" in assigned:
            raise faults.repeated_external_id("Id")
        key = record_id if present else self._references.present_id(plan, record_id)
        plan.refuse_read_only([*assigned, *(parent.writer.name for parent in parents)], creating=False)
        plan.refuse_null(assigned)
        plan.check(assigned)
        self._guards.assign(plan, assigned, options, creating=False)
        self._references.resolve(plan, assigned, parents)
        self._guards.check_owner(plan, assigned)
        if not is_plain(assigned.values()):
            self._store.fold_case()
        self._complete_update(plan, key, assigned)
        assigned["LastModifiedById"] = user_id
        assigned["LastModifiedDate"] = assigned["SystemModstamp"] = self.now()
        sql, parameters = plan.change(assigned), [*assigned.values(), key]
        assigned["Id"] = key
        if self._guards.watch(plan):
            before = self._references.row(plan, key)
            self._guard(plan, assigned, {**before, **assigned}, before, options)
        self._change(plan, sql, parameters, assigned)
        self._store.note(plan.name, "updated")

    def upsert(  # see Org.upsert for the arguments
        self,
        sobject: str,
        key_field: str,
        key: str,
        given: Mapping[str, object],
        *,
        user_id: str,
        update_only: bool = False,
        options: WriteOptions = PLAIN,
    ) -> Saved:
        """Update the row that has a key, or create it; see `Org.upsert`."""
        plan = self._references.plan(sobject)
        writer = plan.key_writer(key_field)
        if writer is None:
            raise faults.unknown_external_id_field()
        body = _without_key(writer, key, given)
        if writer.name == "Id":
            if key:
                self.update(plan.name, key, body, user_id=user_id, options=options)
                return Saved(str(ids.normalise(key)), created=False)
            return Saved(self.create(plan.name, body, user_id=user_id, options=options), created=True)
        if not key:
            raise faults.missing_key(writer.name)
        matches = self._references.matches(plan, writer, key)
        if len(matches) > 1:
            raise MultipleMatches(plan.name, matches)
        if matches:
            self.update(plan.name, matches[0], body, user_id=user_id, options=options, present=True)
            return Saved(matches[0], created=False)
        if update_only:
            raise faults.record_not_found(key)
        made = self.create(plan.name, {**body, writer.name: key}, user_id=user_id, options=options)
        return Saved(made, created=True)

    def now(self) -> str:
        """Return the present moment as datetime fields are stored."""
        second = int(self._clock.now())
        if second != self._second:
            self._second, self._now = second, values.format_datetime(second)
        return self._now

    def _complete_update(self, plan: Plan, record_id: str, assigned: dict[str, Stored]) -> None:
        derivation = DERIVATIONS.get(plan.name, _UNCHANGING)
        if not any(name in assigned for name in derivation.inputs):
            return
        columns = ", ".join(quoted(name) for name in derivation.inputs)
        row = self._store.one(f'SELECT {columns} FROM {plan.table} WHERE "Id" = ?', (record_id,))  # noqa: S608
        before = dict(zip(derivation.inputs, row or (), strict=True))
        given = frozenset(assigned)
        derivation.complete(
            Draft(assigned, given, self.now(), self._references.account_of, plan.places, before, creating=False)
        )

    def _guard(
        self,
        plan: Plan,
        given: Mapping[str, Stored],
        after: Mapping[str, Stored],
        before: Mapping[str, Stored] | None,
        options: WriteOptions,
    ) -> None:
        try:
            self._guards.check(plan, given, after, before, options)
        except SalesforceFault:
            # A value that another row holds is found first, although the database would say so later.
            taken = self._holder(plan, after)
            if taken is not None:
                raise taken from None
            raise

    def _change(self, plan: Plan, sql: str, parameters: Sequence[Stored], row: Mapping[str, Stored]) -> None:
        try:
            self._store.change(sql, parameters)
        except sqlite3.IntegrityError:
            raise self._duplicate(plan, row) from None
        except UnicodeEncodeError:
            raise faults.unparsable("Invalid UTF-8: a text holds half of a surrogate pair") from None

    def _duplicate(self, plan: Plan, row: Mapping[str, Stored]) -> SalesforceFault:
        return self._holder(plan, row) or faults.duplicate_value("Id", str(row["Id"]))

    def _holder(self, plan: Plan, row: Mapping[str, Stored]) -> SalesforceFault | None:
        for name in plan.unique:
            sql = f'SELECT "Id" FROM {plan.table} WHERE {quoted(name)} = ? AND "IsDeleted" = 0 AND "Id" <> ?'  # noqa: S608
            holder = self._store.one(sql, (row.get(name), row["Id"]))
            if holder is not None:
                return faults.duplicate_value(name, str(holder[0]))
        return None


def _without_key(writer: FieldWriter, key: str, given: Mapping[str, object]) -> dict[str, object]:
    name_of_key = writer.name.lower()
    if name_of_key not in [name.lower() for name in given]:
        return dict(given)
    body = {name: value for name, value in given.items() if name.lower() != name_of_key}
    for name, value in given.items():
        if name.lower() == name_of_key and not _repeats(writer, key, value):
            raise faults.repeated_external_id(writer.name)
    return body


def _repeats(writer: FieldWriter, key: str, value: object) -> bool:
    if writer.name == "Id":
        return value is None
    given, wanted = (None if part is None else writer.read(part) for part in (value, key))
    if isinstance(given, str) and isinstance(wanted, str) and not writer.field.case_sensitive:
        return fold(given) == fold(wanted)
    return given == wanted
