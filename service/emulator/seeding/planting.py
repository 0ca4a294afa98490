"""Putting rows from files into an org: each after the rows it refers to."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.emulator import ids
from service.emulator.faults import MultipleMatches, SalesforceFault
from service.emulator.org import Org
from service.emulator.schema import SObject
from service.emulator.seeding.files import SeedError, SeedRecord


def plant_records(org: Org, records: Iterable[SeedRecord]) -> int:
    """Create rows as the administrator, all or none, and return how many.

    A row waits for those it refers to, in whichever file they are; otherwise the order stays.

    Args:
        org: Where to.
        records: The rows.

    Raises:
        SeedError: A row is refused, refers to a name that no row has, or rows wait for each other.

    """
    given = list(records)
    with org.savepoint():
        _Planting(org, given).run()
    return len(given)


@dataclass(slots=True)
class _Planting:
    org: Org
    records: list[SeedRecord]
    made: dict[str, str] = field(default_factory=dict)
    """New ids by key."""

    def run(self) -> None:
        keys = {key for record in self.records for key in _keys(record)}
        waiting: dict[str, list[SeedRecord]] = defaultdict(list)
        ready = deque(self.records)
        while ready:
            record = ready.popleft()
            awaited = next((key for key in self.needs(record) if key in keys and key not in self.made), None)
            if awaited is not None:
                waiting[awaited].append(record)
                continue
            new_id = self.create(record)
            for key in _keys(record):
                self.made[key] = new_id
                ready.extendleft(reversed(waiting.pop(key, [])))
        stuck = next((record for held in waiting.values() for record in held), None)
        if stuck is not None:
            raise SeedError(f"{stuck.place}: it and the rows it refers to wait for each other")

    def needs(self, record: SeedRecord) -> list[str]:
        """Return the keys of the rows that a row refers to."""
        sobject = self.sobject(record)
        keys = [key for name, value in record.values.items() if (key := _reference(sobject, name, value))]
        return [*keys, _own_key(record.parent[1])] if record.parent else keys

    def create(self, record: SeedRecord) -> str:
        sobject = self.sobject(record)
        values = {name: self.resolved(record, sobject, name, value) for name, value in record.values.items()}
        for name in [name for name in values if name.lower() == "id" or _is_absent_child(sobject, name, values)]:
            del values[name]
        if record.parent:
            values[self.parent_field(record, record.parent)] = self.made[_own_key(record.parent[1])]
        try:
            return self.org.create(sobject.name, values, user_id=self.org.admin_id)
        except SalesforceFault as fault:
            raise SeedError(f"{record.place} ({sobject.name}): {fault}") from None
        except MultipleMatches as matches:
            raise SeedError(f"{record.place} ({sobject.name}): {matches}") from None

    def resolved(self, record: SeedRecord, sobject: SObject, name: str, value: object) -> object:
        key = _reference(sobject, name, value)
        if key is None:
            return value
        if key not in self.made and key.startswith("@"):
            raise SeedError(f"{record.place} ({sobject.name}): {name} refers to {key}, which no row is called")
        return self.made.get(key, value)

    def parent_field(self, record: SeedRecord, parent: tuple[str, SeedRecord]) -> str:
        relationship, around = parent
        child = self.sobject(around).child_relationship(relationship)
        if child is None:
            raise SeedError(f"{record.place}: {around.sobject} has no child relationship {relationship}")
        return child.field

    def sobject(self, record: SeedRecord) -> SObject:
        found = self.org.schema.sobject(record.sobject)
        if found is None:
            raise SeedError(f"{record.place}: the org has no object {record.sobject!r}")
        return found


def _keys(record: SeedRecord) -> list[str]:
    old = next((value for name, value in record.values.items() if name.lower() == "id"), None)
    normal = ids.normalise(old) if isinstance(old, str) else None
    return [_own_key(record), *([f"@{record.name}"] if record.name else []), *([normal] if normal else [])]


def _own_key(record: SeedRecord) -> str:
    # The place is the one thing that tells rows without a name apart.
    return f"row {record.place}"


def _reference(sobject: SObject, name: str, value: object) -> str | None:
    described = sobject.field(name)
    if described is None or described.type != "reference" or not isinstance(value, str):
        return None
    return value if value.startswith("@") else ids.normalise(value)


def _is_absent_child(sobject: SObject, name: str, values: Mapping[str, object]) -> bool:
    # An export writes null for a record without children.
    return values[name] is None and sobject.field(name) is None and sobject.child_relationship(name) is not None
