"""The describe answers: what an org says of its sObjects and their fields.

Source: Salesforce REST API, "sObject Describe" and "Describe Global"; keys as real orgs send them.
Keys for features the emulator has not got say so: nothing is dependent, encrypted or filtered.
"""

from collections.abc import Mapping, Sequence

from service.emulator.schema.model import ChildRelationship, Field, FieldType, PicklistValue, Schema, SObject

MASTER_RECORD_TYPE = "012000000000000AAA"
"""The id every org gives the record type of objects that have none."""

_SOAP_TYPES: dict[FieldType, str] = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
    "location": "urn:location",
    "base64": "xsd:base64Binary",
    "anyType": "xsd:anyType",
}
_BYTES_A_CHARACTER = 3
_MAX_BATCH_SIZE = 200


def describe_global(schema: Schema, api_version: str) -> dict[str, object]:
    """Return the answer of `GET /sobjects`.

    Args:
        schema: The org's schema.
        api_version: As in paths, for example `66.0`.

    """
    return {
        "encoding": "UTF-8",
        "maxBatchSize": _MAX_BATCH_SIZE,
        "sobjects": [sobject_info(sobject, api_version) for sobject in schema.sobjects],
    }


def sobject_info(sobject: SObject, api_version: str) -> dict[str, object]:
    """Return the entry an sObject has in the global describe, which is also `objectDescribe` of its own resource."""
    return {**_summary(sobject), "urls": _summary_urls(sobject, api_version)}


def describe(
    sobject: SObject, api_version: str, instance_url: str = "", record_types: Sequence[Mapping[str, object]] = ()
) -> dict[str, object]:
    """Return the answer of `GET /sobjects/{name}/describe`.

    Args:
        sobject: What to describe.
        api_version: As in paths, for example `66.0`.
        instance_url: Scheme and host of the org, for the links to its pages.
        record_types: The entries of `recordTypeInfos`; none for the master alone.

    """
    return {
        "actionOverrides": [],
        **_summary(sobject),
        "childRelationships": [_child(child) for child in sobject.child_relationships],
        "compactLayoutable": sobject.layoutable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(field) for field in sobject.fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": list(record_types)
        or [record_type_info(sobject.name, api_version, MASTER_RECORD_TYPE, "Master", "Master", default=True)],
        "searchLayoutable": sobject.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": label, "name": name} for name, label in sobject.scopes],
        "urls": _urls(sobject, api_version, instance_url),
    }


def describe_field(field: Field) -> dict[str, object]:
    """Return one entry of `fields`."""
    return {
        "aggregatable": field.aggregatable,
        "aiPredictionField": False,
        "autoNumber": field.auto_number,
        "byteLength": field.length if field.type in {"id", "reference"} else field.length * _BYTES_A_CHARACTER,
        "calculated": field.calculated,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_field_name,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default_value,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra_type_info,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.html_formatted,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.inline_help_text,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.polymorphic,
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": [_picklist_value(entry) for entry in field.picklist],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": field.type in {"address", "location"},
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": field.restricted_delete and field.custom,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": field.search_prefilterable,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def _summary(sobject: SObject) -> dict[str, object]:
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable,
        "custom": sobject.custom,
        "customSetting": False,
        "deepCloneable": sobject.deep_cloneable,
        "deletable": sobject.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": sobject.feed_enabled,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.layoutable,
        "mergeable": sobject.mergeable,
        "mruEnabled": sobject.mru_enabled,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": sobject.replicateable,
        "retrieveable": sobject.retrieveable,
        "searchable": sobject.searchable,
        "triggerable": sobject.triggerable,
        "undeletable": sobject.undeletable,
        "updateable": sobject.updateable,
    }


def _summary_urls(sobject: SObject, api_version: str) -> dict[str, str]:
    base = f"/services/data/v{api_version}/sobjects/{sobject.name}"
    urls = {
        "compactLayouts": f"{base}/describe/compactLayouts",
        "rowTemplate": f"{base}/{{ID}}",
        "describe": f"{base}/describe",
        "sobject": base,
    }
    if sobject.layoutable:
        urls["approvalLayouts"] = f"{base}/describe/approvalLayouts"
        urls["listviews"] = f"{base}/listviews"
        urls["quickActions"] = f"{base}/quickActions"
        urls["layouts"] = f"{base}/describe/layouts"
    return urls


def _urls(sobject: SObject, api_version: str, instance_url: str) -> dict[str, str]:
    base = f"/services/data/v{api_version}/sobjects/{sobject.name}"
    return {
        **_summary_urls(sobject, api_version),
        "defaultValues": f"{base}/defaultValues?recordTypeId&fields",
        "uiDetailTemplate": f"{instance_url}/{{ID}}",
        "uiEditTemplate": f"{instance_url}/{{ID}}/e",
        "uiNewRecord": f"{instance_url}/{sobject.key_prefix}/e",
    }


def _child(child: ChildRelationship) -> dict[str, object]:
    return {
        "cascadeDelete": child.cascade_delete,
        "childSObject": child.child_sobject,
        "deprecatedAndHidden": False,
        "field": child.field,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": child.relationship_name,
        "restrictedDelete": child.restricted_delete,
    }


def _picklist_value(entry: PicklistValue) -> dict[str, object]:
    return {
        "active": entry.active,
        "defaultValue": entry.default,
        "label": entry.label,
        "validFor": None,
        "value": entry.value,
    }


def record_type_info(
    sobject: str,
    api_version: str,
    record_type_id: str,
    name: str,
    developer_name: str,
    *,
    active: bool = True,
    default: bool = False,
) -> dict[str, object]:
    """Return one entry of `recordTypeInfos`.

    Args:
        sobject: Canonical name.
        api_version: Goes into the URL.
        record_type_id: 18 characters; `MASTER_RECORD_TYPE` for the type of rows that have none.
        name: What people see.
        developer_name: API name.
        active: Whether rows may be given it.
        default: Whether rows get it that name none.

    """
    layout = f"/services/data/v{api_version}/sobjects/{sobject}/describe/layouts/{record_type_id}"
    return {
        "active": active,
        "available": active,
        "defaultRecordTypeMapping": default,
        "developerName": developer_name,
        "master": record_type_id == MASTER_RECORD_TYPE,
        "name": name,
        "recordTypeId": record_type_id,
        "urls": {"layout": layout},
    }
