"""Who a token is for, as the user-info endpoint and the identity URL tell it."""

import datetime as dt
import zoneinfo

from service.emulator.tenants import Tenant
from service.emulator.users import User

_REST = "/services/data/v{version}/"
_REST_RESOURCES = {
    "rest": "",
    "sobjects": "sobjects/",
    "search": "search/",
    "query": "query/",
    "recent": "recent/",
    "tooling_rest": "tooling/",
    "feeds": "chatter/feeds",
    "groups": "chatter/groups",
    "users": "chatter/users",
    "feed_items": "chatter/feed-items",
    "feed_elements": "chatter/feed-elements",
}
_SOAP_RESOURCES = {"enterprise": "c", "metadata": "m", "partner": "u", "tooling_soap": "T"}


def user_info(tenant: Tenant, user: User, *, identity_url: str, version: str = "") -> dict[str, object]:
    """Return the answer of the user-info endpoint.

    Args:
        tenant: The user's org.
        user: Who.
        identity_url: What names the user.
        version: API version to put into the URLs; empty to leave `{version}` in them.

    Source: Salesforce help, "Query for User Information".

    """
    return {
        "sub": identity_url,
        "user_id": user.id,
        "organization_id": tenant.org.id,
        "preferred_username": user.username,
        "nickname": user.username.partition("@")[0],
        "name": user.name,
        "email": user.email,
        "email_verified": True,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "zoneinfo": user.time_zone,
        "photos": _photos(tenant),
        "profile": f"{tenant.instance_url}/{user.id}",
        "picture": _photos(tenant)["picture"],
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": _urls(tenant, user, version),
        "active": user.active,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": _utc_offset(user.time_zone),
        "updated_at": user.updated_at,
        "is_app_installed": True,
    }


def identity(tenant: Tenant, user: User, *, identity_url: str, version: str = "") -> dict[str, object]:
    """Return the answer of a user's identity URL; arguments are those of `user_info`.

    Source: Salesforce help, "Identity URLs".

    """
    return {
        "id": identity_url,
        "asserted_user": True,
        "user_id": user.id,
        "organization_id": tenant.org.id,
        "username": user.username,
        "nick_name": user.username.partition("@")[0],
        "display_name": user.name,
        "email": user.email,
        "email_verified": True,
        "first_name": user.first_name or None,
        "last_name": user.last_name,
        "timezone": user.time_zone,
        "photos": _photos(tenant),
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": None,
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(tenant, user, version),
        "active": user.active,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": _utc_offset(user.time_zone),
        "last_modified_date": user.updated_at,
        "is_app_installed": True,
    }


def _photos(tenant: Tenant) -> dict[str, str]:
    # What users without a photo have.
    return {
        "picture": f"{tenant.instance_url}/profilephoto/005/F",
        "thumbnail": f"{tenant.instance_url}/profilephoto/005/T",
    }


def _urls(tenant: Tenant, user: User, version: str) -> dict[str, str]:
    paths = {
        name: f"/services/Soap/{letter}/{{version}}/{tenant.org.id[:15]}" for name, letter in _SOAP_RESOURCES.items()
    }
    paths |= {name: _REST + path for name, path in _REST_RESOURCES.items()}
    paths["profile"] = f"/{user.id}"
    paths["custom_domain"] = ""
    return {
        name: tenant.instance_url + (path.replace("{version}", version) if version else path)
        for name, path in paths.items()
    }


def _utc_offset(time_zone: str) -> int:
    """Return a zone's offset without daylight saving in milliseconds; 0 when the machine does not know the zone."""
    try:
        january = dt.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo(time_zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return 0
    offset = (january.utcoffset() or dt.timedelta()) - (january.dst() or dt.timedelta())
    return int(offset.total_seconds() * 1000)
