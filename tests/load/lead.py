"""The one sObject of the static upstream: its description, the columns of queries and the fields of writes."""

import json
from typing import Any

BASE = "/services/data/v66.0"
KEY = "Ext__c"
"""The external-id field."""
COLUMNS = (
    "Id",
    "Ext__c",
    "FirstName",
    "LastName",
    "Company",
    "Email",
    "Status",
    "NumberOfEmployees",
    "AnnualRevenue",
    "IsConverted",
    "CreatedDate",
)
"""The columns of every query."""

_TEXT = {"type": "string", "length": 80, "byteLength": 240}
_PICKLIST = {"type": "picklist", "length": 255, "byteLength": 765}
_READ_ONLY = {"createable": False, "updateable": False, "defaultedOnCreate": True, "nillable": False}
_FIELDS: dict[str, dict[str, object]] = {
    "Id": {"type": "id", "length": 18, "idLookup": True, **_READ_ONLY},
    "Ext__c": {**_TEXT, "externalId": True, "idLookup": True, "unique": True, "custom": True},
    "FirstName": {**_TEXT, "length": 40},
    "LastName": {**_TEXT, "nillable": False},
    "Company": {**_TEXT, "length": 255, "nillable": False},
    "Email": {"type": "email", "length": 80, "idLookup": True},
    "Phone": {"type": "phone", "length": 40},
    "Country": _TEXT,
    "LeadSource": {**_PICKLIST, "choices": ("Web", "Phone Inquiry", "Partner Referral", "Other")},
    "Status": {
        **_PICKLIST,
        "choices": ("Open - Not Contacted", "Working - Contacted"),
        "defaultedOnCreate": True,
        "nillable": False,
    },
    "NumberOfEmployees": {"type": "int", "digits": 8},
    "AnnualRevenue": {"type": "currency", "precision": 18, "scale": 0},
    "IsUnreadByOwner": {"type": "boolean", "defaultedOnCreate": True, "nillable": False, "defaultValue": False},
    "IsConverted": {"type": "boolean", "defaultedOnCreate": True, "nillable": False, "defaultValue": False},
    "CreatedDate": {"type": "datetime", **_READ_ONLY},
}


def description() -> bytes:
    """Return the body of Lead's describe, of the fields that are used here."""
    fields = [_described(name, dict(facts)) for name, facts in _FIELDS.items()]
    return json.dumps({"name": "Lead", "label": "Lead", "keyPrefix": "00Q", "custom": False, "fields": fields}).encode()


def _described(name: str, facts: dict[str, object]) -> dict[str, object]:
    choices: Any = facts.pop("choices", ())
    return {
        "name": name,
        "label": name,
        "length": 0,
        "byteLength": 0,
        "digits": 0,
        "precision": 0,
        "scale": 0,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "defaultedOnCreate": False,
        "restrictedPicklist": False,
        "caseSensitive": False,
        "calculated": False,
        "autoNumber": False,
        "externalId": False,
        "idLookup": False,
        "unique": False,
        "relationshipName": None,
        "referenceTo": [],
        "picklistValues": [
            {"value": choice, "label": choice, "active": True, "defaultValue": choice == choices[0]}
            for choice in choices
        ],
        **facts,
    }


def row(number: int) -> dict[str, object]:
    """Return a row of a query's page."""
    return {
        "attributes": {"type": "Lead", "url": f"{BASE}/sobjects/Lead/00Q{number:012d}AAA"},
        "Id": f"00Q{number:012d}AAA",
        "Ext__c": f"L-{number:06d}",
        "FirstName": None if number % 7 == 0 else "Zoë",
        "LastName": f"Sørensen {number}",
        "Company": f"Übersee Handel {number % 100} GmbH",
        "Email": f"zoe.{number}@example.com",
        "Status": "Open - Not Contacted",
        "NumberOfEmployees": number % 5000,
        "AnnualRevenue": number * 12.5,
        "IsConverted": number % 3 == 0,
        "CreatedDate": "2026-03-01T12:34:56.000+0000",
    }


def values(number: int) -> dict[str, object]:
    """Return what a write sets: ten fields beside the external id; the revenue in words, a decimal."""
    return {
        "FirstName": "Zoë",
        "LastName": f"Sørensen {number}",
        "Company": "Übersee Handel GmbH",
        "Email": f"zoe.{number}@example.com",
        "Phone": "+49 40 123456",
        "Country": "Germany",
        "LeadSource": "Web",
        "NumberOfEmployees": number,
        "AnnualRevenue": "1250000.50",
        "IsUnreadByOwner": False,
    }
