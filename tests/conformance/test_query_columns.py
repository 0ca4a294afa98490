"""Fields of every type that describe knows, as the emulated org answers them, decoded to columns."""

import asyncio
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import soql
from service.emulator.json_text import render
from service.emulator.org import Org
from service.emulator.schema import Field, FieldType, Schema, SObject
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.query.batches import Columnizer, ColumnValues
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import row_type
from service.query.planner import expand, plan
from service.salesforce.calls import describe, query
from service.salesforce.transport.base import Response
from tests.support.emulation import ManualClock

WIDGET = "Widget__c"
SHAPES: dict[str, dict[str, Any]] = {
    "int": {"digits": 9},
    "long": {"precision": 18},
    "double": {"precision": 12, "scale": 3},
    "currency": {"precision": 18, "scale": 2},
    "percent": {"precision": 15, "scale": 4},
    "boolean": {"nillable": False, "defaulted_on_create": True},
    "reference": {"reference_to": ("Account",), "relationship_name": "Reference__r"},
}
TYPES = {
    "int": ColumnType.INT64,
    "long": ColumnType.INT64,
    "double": ColumnType.DOUBLE,
    "currency": ColumnType.DECIMAL,
    "percent": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOL,
    "date": ColumnType.DATE,
    "datetime": ColumnType.DATETIME,
    "time": ColumnType.TIME,
    "base64": ColumnType.BYTES,
    "multipicklist": ColumnType.STRINGS,
}
"""Types of columns by type of field; all other fields hold text."""
plain = st.text("abc äß'\"\\😀", min_size=1, max_size=8)
GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(10**9) + 1, 10**9 - 1),
    "long": st.integers(-(10**18) + 1, 10**18 - 1),
    "double": st.decimals(-(10**9) + 1, 10**9 - 1, places=3),
    "currency": st.decimals(-(10**16) + 1, 10**16 - 1, places=2),
    "percent": st.decimals(-(10**11) + 1, 10**11 - 1, places=4),
    "boolean": st.booleans(),
    "date": st.dates().filter(lambda day: 1700 <= day.year <= 4000).map(str),
    "datetime": st.dates().filter(lambda day: 1700 < day.year < 4000).map("{}T01:02:03.000+0000".format),
    "time": st.times().map(lambda time: f"{time:%H:%M:%S}.{time.microsecond // 1000:03}Z"),
    "email": st.just("ada@example.com"),
    "multipicklist": st.lists(st.text("abc ", min_size=1, max_size=4), min_size=1, max_size=3).map(";".join),
}
"""What a field of each type may hold, as it is written; all others hold text."""
KINDS = [kind for kind in get_args(FieldType) if kind not in {"id", "address", "location", "reference", "base64"}]


def name_of(kind: str) -> str:
    """Return the name of the field of a type."""
    return f"{kind.capitalize()}__c"


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """An org with an object that has a field of each type."""
    fields = [Field("Id", "Id", "id", length=18, nillable=False, createable=False)]
    for kind in get_args(FieldType):
        if kind not in {"id", "address", "location"}:
            shape = SHAPES.get(kind, {"length": 255})
            fields.append(Field(name_of(kind), kind, kind, custom=True, **shape))
    fields.append(Field("Site__c", "Site", "location", custom=True, createable=False))
    for half in ("Latitude", "Longitude"):
        part = Field(
            f"Site__{half}__s", half, "double", precision=15, scale=6, custom=True, compound_field_name="Site__c"
        )
        fields.append(part)
    widget = SObject(WIDGET, "Widget", "Widgets", "a0W", tuple(fields), custom=True)
    made = Org(Schema([*STANDARD_OBJECTS, widget]), clock=ManualClock())
    yield made
    made.close()


def read(org: Org, text: str) -> tuple[ColumnValues, ...]:
    """Run a query as the service does, without anything between it and the org, and return its columns."""

    async def described(name: str) -> describe.SObject:
        answer = org.describe(name, "66.0", instance_url="https://acme.example")
        return describe.parse(Response(200, {}, render(answer)), org="acme", sobject=name)

    async def planned() -> tuple[str, tuple[ResultColumn, ...]]:
        expanded = await expand(soql.parse(text), described)
        return soql.to_soql(expanded), await plan(expanded, described)

    sent, columns = asyncio.run(planned())
    result = org.query(sent)
    body = render({"totalSize": result.total_size, "done": True, "records": list(result.rows)})
    page = query.decoder(row_type(columns)).decode(body)
    return Columnizer(columns).batch(page.records, page.totalSize).columns


@given(st.data())
def test_every_type_arrives_as_it_was_written(org, data):
    """A value of each type comes back in a column of its type, without loss, and null as null."""
    values = {
        name_of(kind): data.draw(GIVEN.get(kind, plain) if kind == "boolean" else st.none() | GIVEN.get(kind, plain))
        for kind in KINDS
    }
    record_id = org.create(WIDGET, values, user_id=org.admin_id)

    columns = read(org, f"SELECT {', '.join(map(name_of, KINDS))} FROM {WIDGET} WHERE Id = '{record_id}'")

    for kind, found in zip(KINDS, columns, strict=True):
        value = values[name_of(kind)]
        assert (name_of(kind), TYPES.get(kind, ColumnType.STRING)) == (found.column.name, found.column.type)
        assert (value is None) == (0 in found.null_rows)
        if value is None:
            continue
        if found.children is not None:
            assert value.split(";") == list(found.children.columns[0].values)
        elif kind == "currency":
            assert value == type(value)(found.values[0])
        elif kind in {"double", "percent"}:
            assert float(value) == found.values[0]
        else:
            assert [value] == list(found.values)


def test_all_fields_of_every_object_have_columns(org):
    """Whatever the object, FIELDS(ALL) decodes: each field of its description, with a parent where it leads to one."""
    account = org.create("Account", {"Name": "Acme"}, user_id=org.admin_id)
    site = {"Site__Latitude__s": 50.9375, "Site__Longitude__s": 6.9603, "Reference__c": account}
    org.create(WIDGET, site, user_id=org.admin_id)

    for sobject in org.schema.sobjects:
        columns = read(org, f"SELECT FIELDS(ALL) FROM {sobject.name}")
        plain_fields = {field.name for field in sobject.fields if field.stored}

        assert plain_fields <= {found.column.name for found in columns}

    found = {column.column.name: column.values[-1] for column in read(org, f"SELECT Site__c FROM {WIDGET}")}
    assert {"Site__c.latitude": 50.9375, "Site__c.longitude": 6.9603} == found


def test_children_of_every_relationship_have_columns(org):
    """Each child relationship that a description names can be a subquery."""
    org.create("Account", {"Name": "Acme"}, user_id=org.admin_id)

    for sobject in org.schema.sobjects:
        children = [child.relationship_name for child in sobject.child_relationships if child.relationship_name]
        for name in children:
            (found,) = read(org, f"SELECT (SELECT Id FROM {name}) FROM {sobject.name}")

            assert (name, ColumnType.BATCHES) == (found.column.name, found.column.type)
