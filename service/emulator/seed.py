"""What a new org holds before anyone writes to it: itself, a profile and its administrator."""

from dataclasses import dataclass

from service.emulator.references import References
from service.emulator.rows import Rows
from service.emulator.store import Store
from service.emulator.values import Stored


@dataclass(frozen=True, slots=True)
class Seed:
    """The first rows of an org."""

    org_id: str
    """18 characters."""
    org_name: str
    administrator_id: str
    """18 characters."""
    username: str
    """The administrator's."""
    organization_type: str
    """Its edition."""


def plant(seed: Seed, store: Store, references: References, rows: Rows) -> None:
    """Put the first rows in, all or none; an org that has them already is left as it is.

    Raises:
        ValueError: The database holds another org.

    """
    present = store.one('SELECT "Id" FROM "Organization"')
    if present is not None and present[0] != seed.org_id:
        raise ValueError(f"the database holds the org {present[0]}, not {seed.org_id}")
    if present is not None:
        return
    with store.savepoint():
        # The first user made itself, so its id is known before there is a row.
        user_id = seed.administrator_id
        organization: dict[str, Stored] = {
            "Name": seed.org_name,
            "OrganizationType": seed.organization_type,
            "InstanceName": "EMU1",
            "TimeZoneSidKey": "GMT",
        }
        rows.insert(references.plan("Organization"), organization, user_id=user_id, record_id=seed.org_id)
        profile: dict[str, Stored] = {"Name": "System Administrator", "UserType": "Standard"}
        profile_id = rows.insert(references.plan("Profile"), profile, user_id=user_id)
        administrator = {**_ADMINISTRATOR, "Username": seed.username, "Email": seed.username, "ProfileId": profile_id}
        rows.insert(references.plan("User"), administrator, user_id=user_id, record_id=user_id)


_ADMINISTRATOR: dict[str, Stored] = {
    "LastName": "Administrator",
    "FirstName": "System",
    "Alias": "admin",
    "IsActive": 1,
    "TimeZoneSidKey": "GMT",
    "LocaleSidKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "LanguageLocaleKey": "en_US",
}
