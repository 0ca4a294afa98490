"""What an org's administrator adds to the checks of a write: record types, owners, duplicate and validation rules."""

from collections.abc import Mapping
from datetime import UTC, datetime

from service.clock import Clock
from service.emulator import faults
from service.emulator.assignment import AssignmentRules
from service.emulator.duplicates import DuplicateRules
from service.emulator.plan import Plan
from service.emulator.record_types import RecordTypes
from service.emulator.store import Store
from service.emulator.validation import ValidationRules
from service.emulator.values import Stored
from service.emulator.write_options import WriteOptions

_USER, _GROUP = "005", "00G"


class Guards:
    """The administrator's rules of one org.

    Args:
        store: Tells whether owners are active.
        record_types: Which types rows may have.
        duplicate_rules: Which rows are there already.
        validation_rules: Which rows are bad.
        assignment_rules: Who owns new rows.
        clock: Tells rules the time.

    """

    def __init__(
        self,
        store: Store,
        record_types: RecordTypes,
        duplicate_rules: DuplicateRules,
        validation_rules: ValidationRules,
        assignment_rules: AssignmentRules,
        clock: Clock,
    ) -> None:
        self._store = store
        self._record_types = record_types
        self._duplicates = duplicate_rules
        self._validations = validation_rules
        self._assignments = assignment_rules
        self._clock = clock

    def assign(self, plan: Plan, assigned: dict[str, Stored], options: WriteOptions, *, creating: bool) -> None:
        """Settle record type and owner, before references are looked up.

        See `RecordTypes.assign` and `AssignmentRules.owner`.
        """
        if "RecordTypeId" in plan.template:
            self._record_types.assign(plan, assigned, creating=creating)
        owner = self._assignments.owner(plan.name, options.assignment, creating=creating)
        if owner is not None:
            assigned["OwnerId"] = owner

    def check_owner(self, plan: Plan, assigned: Mapping[str, Stored]) -> None:
        """Refuse an owner who may not own.

        Args:
            plan: The sObject.
            assigned: The values given; references are ids of rows that exist.

        Raises:
            SalesforceFault: INACTIVE_OWNER_OR_USER, or INVALID_CROSS_REFERENCE_KEY for a group that is no queue.

        """
        owner = assigned.get("OwnerId")
        if owner is None:
            return
        key = str(owner)
        if key.startswith(_USER) and self._store.one('SELECT "IsActive" FROM "User" WHERE "Id" = ?', (key,)) != (1,):
            raise faults.inactive_owner(key, plan.sobject.label)
        if key.startswith(_GROUP) and self._store.one('SELECT "Type" FROM "Group" WHERE "Id" = ?', (key,)) != (
            "Queue",
        ):
            raise faults.broken_reference("OwnerId")

    def watch(self, plan: Plan) -> bool:
        """Tell whether `check` has anything to look at for an sObject."""
        return plan.name in self._validations or plan.name in self._duplicates

    def check(
        self,
        plan: Plan,
        given: Mapping[str, Stored],
        after: Mapping[str, Stored],
        before: Mapping[str, Stored] | None,
        options: WriteOptions,
    ) -> None:
        """Refuse a row for what it will be.

        Args:
            plan: The sObject.
            given: The fields being written.
            after: The whole row as it will be, with its id.
            before: The whole row as it is; None for a create.
            options: How the call wants duplicates treated.

        Raises:
            SalesforceFault: DUPLICATES_DETECTED, then FIELD_CUSTOM_VALIDATION_EXCEPTION.

        """
        self._duplicates.check(plan, after, given, options)
        if plan.name in self._validations:
            now = datetime.fromtimestamp(int(self._clock.now()), UTC)
            self._validations.check(plan.sobject, after, before, now=now)
