"""The standard object User and what it refers to: Profile, UserRole, Group, RecordType, Organization."""

from service.emulator.schema.kinds import (
    SHORT_PICKLIST,
    address,
    audit,
    email,
    flag,
    lookup,
    moment,
    phone,
    pick,
    record_id,
    text,
)
from service.emulator.schema.model import Field, SObject
from service.emulator.schema.standard.values import TIME_ZONES

_LOCALES = ("en_US", "en_GB", "en_CA", "en_AU", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_BR", "ja_JP", "zh_CN")
_LANGUAGES = ("en_US", "de", "es", "fr", "it", "ja", "sv", "ko", "zh_TW", "zh_CN", "pt_BR", "nl_NL", "da", "th", "fi")
_ENCODINGS = ("UTF-8", "ISO-8859-1", "Shift_JIS", "ISO-2022-JP", "EUC-JP", "ks_c_5601-1987", "Big5", "GB2312")
_USER_TYPES = (
    "Standard",
    "PowerPartner=Partner",
    "CSPLitePortal=High Volume Portal",
    "CustomerSuccess=Customer Portal User",
    "PowerCustomerSuccess=Customer Portal Manager",
    "CsnOnly=Chatter Free",
    "Guest",
)


def _name(label: str = "Name", length: int = 255) -> Field:
    return text("Name", label, length, name_field=True, write="required")


USER = SObject(
    name="User",
    label="User",
    label_plural="Users",
    key_prefix="005",
    deletable=False,
    undeletable=False,
    feed_enabled=True,
    scopes=(("everything", "All users"), ("mine", "My users")),
    fields=(
        record_id("User ID"),
        text("Username", "Username", 80, unique=True, id_lookup=True, write="required"),
        text("LastName", "Last Name", 80, compound_field_name="Name", extra_type_info="personname", write="required"),
        text("FirstName", "First Name", 40, compound_field_name="Name", extra_type_info="personname"),
        text("Name", "Full Name", 121, name_field=True, extra_type_info="personname", write="never"),
        text("CompanyName", "Company Name", 80),
        text("Division", "Division", 80),
        text("Department", "Department", 80),
        text("Title", "Title", 80),
        *address(""),
        email("Email", "Email", 128, write="required"),
        phone("Phone", "Phone"),
        phone("Fax", "Fax"),
        phone("MobilePhone", "Mobile"),
        text("Alias", "Alias", 8, write="required"),
        text("CommunityNickname", "Nickname", 40, write="defaulted"),
        flag("IsActive", "Active"),
        pick("TimeZoneSidKey", "Time Zone", TIME_ZONES, length=SHORT_PICKLIST, restricted=True, write="required"),
        lookup("UserRoleId", "Role ID", "UserRole", "UserRole", children="Users"),
        pick("LocaleSidKey", "Locale", _LOCALES, length=SHORT_PICKLIST, restricted=True, write="required"),
        flag("ReceivesInfoEmails", "Info Emails"),
        flag("ReceivesAdminInfoEmails", "Admin Info Emails"),
        pick(
            "EmailEncodingKey", "Email Encoding", _ENCODINGS, length=SHORT_PICKLIST, restricted=True, write="required"
        ),
        lookup("ProfileId", "Profile ID", "Profile", "Profile", children="Users", write="required"),
        pick("UserType", "User Type", _USER_TYPES, length=SHORT_PICKLIST, restricted=True, write="never"),
        pick("LanguageLocaleKey", "Language", _LANGUAGES, length=SHORT_PICKLIST, restricted=True, write="required"),
        text("EmployeeNumber", "Employee Number", 20),
        lookup("ManagerId", "Manager ID", "User", "Manager", children="ManagedUsers"),
        moment("LastLoginDate", "Last Login", write="never"),
        *audit(),
        lookup("ContactId", "Contact ID", "Contact", "Contact", children="Users", on_delete="restrict"),
        lookup("AccountId", "Account ID", "Account", "Account", children="Users", write="never"),
        text("FederationIdentifier", "SAML Federation ID", 512),
        text("AboutMe", "About Me", 1000),
        flag("IsPortalEnabled", "Is Portal Enabled"),
    ),
)

PROFILE = SObject(
    name="Profile",
    label="Profile",
    label_plural="Profile",
    key_prefix="00e",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    layoutable=False,
    fields=(
        record_id("Profile ID"),
        _name(),
        text("Description", "Description", 255),
        pick("UserType", "User Type", _USER_TYPES, length=SHORT_PICKLIST, restricted=True, write="never"),
        *audit(),
    ),
)

USER_ROLE = SObject(
    name="UserRole",
    label="Role",
    label_plural="Role",
    key_prefix="00E",
    undeletable=False,
    triggerable=False,
    layoutable=False,
    mru_enabled=False,
    fields=(
        record_id("Role ID"),
        _name(length=80),
        lookup("ParentRoleId", "Parent Role ID", "UserRole"),
        text("DeveloperName", "Developer Name", 80),
        *audit(),
    ),
)

GROUP = SObject(
    name="Group",
    label="Group",
    label_plural="Group",
    key_prefix="00G",
    undeletable=False,
    triggerable=False,
    layoutable=False,
    fields=(
        record_id("Group ID"),
        _name(length=40),
        text("DeveloperName", "Developer Name", 80),
        pick("Type", "Type", ("Regular=Public Group", "Queue"), length=SHORT_PICKLIST, updateable=False),
        email("Email", "Email", 255),
        *audit(),
    ),
)

RECORD_TYPE = SObject(
    name="RecordType",
    label="Record Type",
    label_plural="Record Type",
    key_prefix="012",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    layoutable=False,
    fields=(
        record_id("Record Type ID"),
        _name(length=80),
        text("DeveloperName", "Record Type Name", 80, write="required"),
        text("Description", "Description", 255),
        text("SobjectType", "Object", 40, write="required"),
        flag("IsActive", "Active"),
        *audit(),
    ),
)

ORGANIZATION = SObject(
    name="Organization",
    label="Organization",
    label_plural="Organizations",
    key_prefix="00D",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    layoutable=False,
    fields=(
        record_id("Organization ID"),
        _name(length=80),
        text("OrganizationType", "Edition", 40, write="never"),
        text("InstanceName", "Instance Name", 5, write="never"),
        flag("IsSandbox", "Is Sandbox", write="never"),
        text("TimeZoneSidKey", "Time Zone", 40, write="never"),
        *audit(),
    ),
)
