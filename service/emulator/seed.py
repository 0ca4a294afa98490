"""What a new org holds before anyone writes to it: itself, a profile and its administrator."""

from service.emulator.rows import Rows
from service.emulator.store import Store
from service.emulator.values import Stored


def seed(rows: Rows, store: Store, *, org_id: str, org_name: str, username: str) -> str:
    """Put the first rows in and return the administrator's id; an org that has one already is left as it is.

    Args:
        rows: Writes the rows.
        store: Tells whether there are any.
        org_id: 18 characters.
        org_name: `Name` of the organization.
        username: The administrator's.

    """
    present = store.one('SELECT "Id" FROM "User" ORDER BY rowid LIMIT 1')
    if present is not None:
        return str(present[0])
    with store.savepoint():
        # The first user made itself, so its id has to be known before there is a row.
        administrator = rows.next_id(rows.plan("User"))
        profile = rows.insert(rows.plan("Profile"), {"Name": "System Administrator"}, user_id=administrator)
        organization: dict[str, Stored] = {
            "Name": org_name,
            "OrganizationType": "Developer Edition",
            "InstanceName": "EMU1",
        }
        rows.insert(rows.plan("Organization"), organization, user_id=administrator, record_id=org_id)
        user: dict[str, Stored] = {
            "Username": username,
            "LastName": "Administrator",
            "FirstName": "System",
            "Alias": "admin",
            "Email": username,
            "IsActive": 1,
            "ProfileId": profile,
            "TimeZoneSidKey": "GMT",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
        }
        rows.insert(rows.plan("User"), user, user_id=administrator, record_id=administrator)
    return administrator
