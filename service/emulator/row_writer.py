"""Row writes of one org, with the scripted row locks in their way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.emulator.disturbances import Disturbances
from service.emulator.faults import SalesforceFault
from service.emulator.org import Org, Saved
from service.emulator.schema.model import Field
from service.emulator.values import NUMBER_TYPES, reader
from service.emulator.write_options import PLAIN, WriteOptions

_NUMBERS = NUMBER_TYPES | {"int", "long"}
_NO_PARENTS = frozenset({"User", "Group", "RecordType", "Profile", "UserRole"})


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Every write of a row passes here, whether it came alone, in a collection or in a bulk job."""

    org: Org
    disturbances: Disturbances

    def create(self, sobject: str, values: Mapping[str, object], *, user_id: str, options: WriteOptions = PLAIN) -> str:
        """Create a row and return its id. For arguments and faults see `Org.create`."""
        self.disturbances.check_row(self.org.id, None, sobject)
        if not self.disturbances.locks_parents(self.org.id):
            return self.org.create(sobject, values, user_id=user_id, options=options)
        with self.org.savepoint():
            record_id = self.org.create(sobject, values, user_id=user_id, options=options)
            self._hold(sobject, record_id)
        return record_id

    def update(
        self,
        sobject: str,
        record_id: str,
        values: Mapping[str, object],
        *,
        user_id: str,
        options: WriteOptions = PLAIN,
    ) -> None:
        """Update a row. For arguments and faults see `Org.update`."""
        self.disturbances.check_row(self.org.id, record_id, sobject)
        if not self.disturbances.locks_parents(self.org.id):
            self.org.update(sobject, record_id, values, user_id=user_id, options=options)
            return
        with self.org.savepoint():
            self.org.update(sobject, record_id, values, user_id=user_id, options=options)
            self._hold(sobject, record_id)

    def upsert(
        self,
        sobject: str,
        key_field: str,
        key: str,
        values: Mapping[str, object],
        *,
        user_id: str,
        update_only: bool = False,
        options: WriteOptions = PLAIN,
    ) -> Saved:
        """Update the row that has the key or create it. For arguments and faults see `Org.upsert`."""
        by_id = key_field.lower() == "id"
        self.disturbances.check_row(self.org.id, key if by_id and key else None, sobject)

        def write() -> Saved:
            return self.org.upsert(
                sobject, key_field, key, values, user_id=user_id, update_only=update_only, options=options
            )

        if not self.disturbances.locks_parents(self.org.id):
            return write()
        with self.org.savepoint():
            saved = write()
            self._hold(sobject, saved.id)
        return saved

    def delete(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Move a row to the Recycle Bin. For arguments and faults see `Org.delete`."""
        self.disturbances.check_row(self.org.id, record_id, sobject)
        if self.disturbances.locks_parents(self.org.id):
            self._hold(sobject, record_id)
        self.org.delete(sobject, record_id, user_id=user_id)

    def purge(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Remove a row for good. For arguments and faults see `Org.purge`."""
        self.disturbances.check_row(self.org.id, record_id, sobject)
        self.org.purge(sobject, record_id, user_id=user_id)

    def _hold(self, sobject: str, record_id: str) -> None:
        """Hold a row and what it belongs to; users, who own everything, are nobody's parents here."""
        known = self.org.schema.sobject(sobject)
        parents = [
            field.name
            for field in (known.fields if known else ())
            if field.type == "reference" and not _NO_PARENTS.issuperset(field.reference_to)
        ]
        row = self.org.get(sobject, record_id, ["Id", *parents])
        self.disturbances.hold(self.org.id, [str(row[name]) for name in ("Id", *parents) if row[name] is not None])


class Repetitions:
    """The keys that occur twice or more among the rows of one call, compared as Salesforce compares them.

    Text compares without case unless its field says otherwise, ids with it, numbers as numbers: 7, 7.0 and "7" are one
    (unverified).

    Args:
        field: The key's field.
        keys: Keys of the rows as text; empty ones stand for none and repeat freely.

    """

    def __init__(self, field: Field, keys: Iterable[str]) -> None:
        self._number = reader(field) if field.type in _NUMBERS else None
        self._exact = field.type == "id" or field.case_sensitive
        seen: set[object] = set()
        self._twice: set[object] = set()
        for key in keys:
            compared = self._compared(key)
            (self._twice if compared in seen else seen).add(compared)
        self._twice.discard("")

    def __contains__(self, key: object) -> bool:
        """Tell whether a key occurs twice."""
        return self._compared(str(key)) in self._twice

    def _compared(self, key: str) -> object:
        if self._number is None or not key:
            return key if self._exact else key.lower()
        try:
            return self._number(key)
        except SalesforceFault:
            return key  # the row itself says what is wrong


def duplicate_external_id(key: str, field: str) -> SalesforceFault:
    """Build the fault of both rows that carry one key in one call.

    Args:
        key: The key.
        field: API name of the key's field.

    """
    return SalesforceFault(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {key}", (field,))


def duplicate_id(record_id: str) -> SalesforceFault:
    """Build the fault of both rows that name one record in one call; the text is unverified."""
    return SalesforceFault(400, "DUPLICATE_VALUE", f"duplicate id in list: {record_id}")
