"""The columns of compound fields: an address or a location is selected as one and comes as its parts."""

from service.query.columns import ColumnType, ResultColumn, is_described, type_of
from service.salesforce.calls.describe import Field, SObject

COMPOUNDS = frozenset({"address", "location"})
"""Types of fields whose JSON is an object of parts."""

_PARTS = {
    "address": (
        "city", "country", "countryCode", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state",
        "stateCode", "street",
    ),
    "location": ("latitude", "longitude"),
}  # fmt: skip
_NUMBERS = frozenset({"latitude", "longitude"})


def parts(sobject: SObject, field: Field, keys: tuple[str, ...]) -> list[ResultColumn]:
    """Return a column for each part of a compound field, in the order of their names.

    The parts are the fields that name the compound one in their descriptions, and have their types; where none does,
    as in an org whose user may not see them, they are those of every address or location.

    Args:
        sobject: The sObject that has the field.
        field: The compound field.
        keys: Where its value stands in the record's JSON.

    """
    known = {_key(field, part): part for part in sobject.fields.values() if part.compoundFieldName == field.name}
    if known:
        return [_column(keys, key, type_of(part), described=is_described(part)) for key, part in sorted(known.items())]
    return [
        _column(keys, key, ColumnType.DOUBLE if key in _NUMBERS else ColumnType.STRING) for key in _PARTS[field.type]
    ]


def _column(keys: tuple[str, ...], key: str, kind: ColumnType, *, described: bool = True) -> ResultColumn:
    path = (*keys, key)
    return ResultColumn(".".join(path), kind, path, is_described=described, sure_keys=len(keys))


def _key(field: Field, part: Field) -> str:
    """Return what a part is called in the JSON: `BillingPostalCode` of `BillingAddress` is its `postalCode`.

    Custom ones end in `__c`, and their parts in `__s`: `Site__Latitude__s` of `Site__c` is its `latitude`.
    """
    prefix = field.name.removesuffix("c") if field.name.endswith("__c") else field.name.removesuffix("Address")
    key = part.name.removeprefix(prefix).removesuffix("__s")
    return key[:1].lower() + key[1:]
