"""Objects that configure an org: one transaction writes them or others, never both.

Source: Salesforce REST API, "Using sObject Collections"; Apex Developer Guide, "sObjects That Cannot Be Used Together
in DML Operations". That users may be inserted beside others in some cases is left out.
"""

from collections.abc import Sequence

from service.emulator.faults import SalesforceFault, mixed_dml

SETUP_OBJECTS = frozenset(
    {
        "FieldPermissions",
        "Group",
        "GroupMember",
        "ObjectPermissions",
        "PermissionSet",
        "PermissionSetAssignment",
        "Profile",
        "QueueSobject",
        "SetupEntityAccess",
        "Territory",
        "User",
        "UserRole",
        "UserTerritory",
    }
)
"""Canonical names."""


def refusals(sobjects: Sequence[str | None]) -> list[SalesforceFault | None]:
    """Return for each row of a transaction why it cannot be part of it, or None.

    That each row that is not of the kind of the first is refused, and it alone, is unverified.

    Args:
        sobjects: Canonical name of each row's sObject; None for a row that is of none and fails by itself.

    """
    first = next((sobject for sobject in sobjects if sobject), "")
    return [
        None if sobject is None or _is_setup(sobject) == _is_setup(first) else mixed_dml(sobject, first)
        for sobject in sobjects
    ]


def _is_setup(sobject: str) -> bool:
    return sobject in SETUP_OBJECTS
