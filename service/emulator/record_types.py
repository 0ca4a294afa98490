"""Record types: which an sObject has, and which one a row gets.

Source: Salesforce Help, "Record Types"; Salesforce REST API, "sObject Describe". The types are rows of RecordType;
all users have all active ones.
"""

from dataclasses import dataclass

from service.emulator import faults, ids
from service.emulator.plan import Plan
from service.emulator.schema.describe import MASTER_RECORD_TYPE, record_type_info
from service.emulator.store import Store
from service.emulator.values import Stored

FIELD = "RecordTypeId"


@dataclass(frozen=True, slots=True)
class RecordType:
    """One record type of one sObject."""

    sobject: str
    """API name, in any case; it needs a field `RecordTypeId`."""
    name: str
    """What people see."""
    developer_name: str
    """API name."""
    description: str | None = None
    active: bool = True
    default: bool = False
    """Whether rows get it that name none."""


class RecordTypes:
    """The record types of one org.

    Args:
        store: Where the rows of RecordType are.

    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._defaults: dict[str, str] = {}

    def find(self, sobject: str, developer_name: str) -> str | None:
        """Return the id of a type by canonical name of the sObject and API name, or None."""
        row = self._store.one(
            'SELECT "Id" FROM "RecordType" WHERE "SobjectType" = ? AND "DeveloperName" = ?', (sobject, developer_name)
        )
        return str(row[0]) if row else None

    def set_default(self, sobject: str, record_type_id: str | None) -> None:
        """Say which type rows get that name none.

        Args:
            sobject: Canonical name.
            record_type_id: 18 characters; None for no type.

        """
        if record_type_id is None:
            self._defaults.pop(sobject, None)
        else:
            self._defaults[sobject] = record_type_id

    def assign(self, plan: Plan, assigned: dict[str, Stored], *, creating: bool) -> None:
        """Check the type that a row names, or give it the default one.

        Args:
            plan: The sObject.
            assigned: The values given; changed in place.
            creating: Whether the row is new.

        Raises:
            SalesforceFault: INVALID_CROSS_REFERENCE_KEY for a type of another sObject or an inactive one.

        """
        given = assigned.get(FIELD)
        if given is None:
            if creating and plan.name in self._defaults:
                assigned[FIELD] = self._defaults[plan.name]
            return
        key = ids.normalise(str(given))
        if key is None:
            return  # the check of references says so
        if key == MASTER_RECORD_TYPE:
            assigned[FIELD] = None
            return
        row = self._store.one(
            'SELECT 1 FROM "RecordType" WHERE "Id" = ? AND "SobjectType" = ? AND "IsActive" = 1', (key, plan.name)
        )
        if row is None and key.startswith("012"):
            field = plan.sobject.field(FIELD)
            raise faults.wrong_record_type(field.label if field else FIELD, str(given))

    def describe(self, sobject: str, api_version: str) -> list[dict[str, object]]:
        """Return `recordTypeInfos` of an sObject: its own types by name, then the master.

        Args:
            sobject: Canonical name.
            api_version: Goes into the URLs.

        """
        rows = self._store.every(
            'SELECT "Id", "Name", "DeveloperName", "IsActive" FROM "RecordType" '
            'WHERE "SobjectType" = ? AND "IsDeleted" = 0 ORDER BY "Name"',
            (sobject,),
        )
        default = self._defaults.get(sobject, MASTER_RECORD_TYPE)
        own = [
            record_type_info(
                sobject, api_version, str(key), str(name), str(api_name), active=active == 1, default=key == default
            )
            for key, name, api_name, active in rows
        ]
        master = record_type_info(
            sobject, api_version, MASTER_RECORD_TYPE, "Master", "Master", default=default == MASTER_RECORD_TYPE
        )
        return [*own, master]
