"""What an org is made of, read from its developers' files."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.emulator.definition import DefinitionError, load_definition
from service.emulator.definition.xml_tree import read_xml
from service.emulator.schema.describe import describe
from tests.support.scale import examples

PROJECT = Path(__file__).parents[3] / "emulator" / "sfdx"
FIELD = '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">{}</CustomField>'


def field_file(folder: Path, body: str, sobject: str = "Thing__c", name: str = "Part__c") -> Path:
    path = folder / "objects" / sobject / "fields" / f"{name}.field-meta.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FIELD.format(body), encoding="utf-8")
    return folder


def only_field(folder: Path, body: str):
    thing = load_definition([field_file(folder, body)]).schema.sobject("Thing__c")
    assert thing is not None
    found = thing.field("Part__c")
    assert found is not None
    return found


def test_custom_objects_of_a_project():
    """Custom objects get key prefixes by name, the system fields and their own."""
    schema = load_definition([PROJECT]).schema
    line, invoice = schema.sobject("Invoice_Line__c"), schema.sobject("invoice__C")

    assert line is not None
    assert invoice is not None
    assert ["a00", "a01"] == [line.key_prefix, invoice.key_prefix]
    assert invoice.field("OwnerId") is not None
    assert line.field("OwnerId") is None
    assert "Lines__r" in [child.relationship_name for child in invoice.child_relationships]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Account__c", {"type": "reference", "nillable": False, "referenceTo": ["Account"]}),
        (
            "External_Key__c",
            {"type": "string", "unique": True, "externalId": True, "caseSensitive": True},
        ),
        ("Status__c", {"type": "picklist", "restrictedPicklist": True, "defaultValue": "Draft"}),
        ("Channels__c", {"type": "multipicklist", "length": 4099, "restrictedPicklist": True}),
        ("Total__c", {"type": "currency", "precision": 10, "scale": 2}),
        ("Paid__c", {"type": "boolean", "nillable": False, "defaultValue": False}),
        ("Office_Hour__c", {"type": "time"}),
        ("Notes__c", {"type": "textarea", "length": 1000, "filterable": False}),
        ("Site__c", {"type": "location", "createable": False}),
        ("Site__Latitude__s", {"type": "double", "compoundFieldName": "Site__c"}),
        ("Overdue__c", {"type": "boolean", "calculated": True, "createable": False, "updateable": False}),
        ("Name", {"type": "string", "autoNumber": True, "createable": False, "nameField": True}),
    ],
)
def test_fields_as_describe_tells_them(name, expected):
    """Each field type of metadata becomes what describe says of it."""
    invoice = load_definition([PROJECT]).schema.sobject("Invoice__c")
    assert invoice is not None

    fields = describe(invoice, "66.0")["fields"]
    assert isinstance(fields, list)
    found = next(field for field in fields if field["name"] == name)

    assert expected == {key: found[key] for key in expected}


def test_fields_of_standard_objects_are_added():
    """A custom field of a standard object joins the fields it has."""
    account = load_definition([PROJECT]).schema.sobject("Account")

    assert account is not None
    assert account.field("Tier__c") is not None
    assert account.field("Industry") is not None


def test_what_cannot_be_done_is_said():
    """Formulas and rules beyond the emulator are told of, not passed over."""
    remarks = load_definition([PROJECT]).remarks

    assert [True, True] == ["Overdue__c" in remarks[0], "Too_clever" in remarks[1]]
    assert len(remarks) == 2


def test_metadata_api_format(tmp_path):
    """An `.object` file holds fields, record types and rules in one."""
    path = tmp_path / "Thing__c.object"
    path.write_text(
        "<CustomObject><label>Thing</label><pluralLabel>Things</pluralLabel>"
        "<fields><fullName>Kind__c</fullName><type>Picklist</type><picklist><picklistValues><fullName>A</fullName>"
        "<default>true</default></picklistValues><restrictedPicklist>true</restrictedPicklist></picklist></fields>"
        "<recordTypes><fullName>Big</fullName><label>Big one</label></recordTypes>"
        "<validationRules><fullName>No_B</fullName><errorConditionFormula>ISPICKVAL(Kind__c, 'B')"
        "</errorConditionFormula><errorMessage>no</errorMessage></validationRules></CustomObject>",
        encoding="utf-8",
    )

    definition = load_definition([path])

    thing = definition.schema.sobject("Thing__c")
    assert thing is not None
    assert thing.field("RecordTypeId") is not None
    assert ["Big"] == [each.developer_name for each in definition.record_types]
    assert ["No_B"] == [each.name for each in definition.validation_rules]


def test_describe_answers(tmp_path):
    """A describe answer as the Salesforce CLI prints it replaces or adds its object."""
    invoice = load_definition([PROJECT]).schema.sobject("Invoice__c")
    assert invoice is not None
    path = tmp_path / "invoice.json"
    path.write_text(json.dumps({"status": 0, "result": describe(invoice, "66.0")}), encoding="utf-8")

    found = load_definition([path]).schema.sobject("Invoice__c")

    assert found is not None
    assert [field.name for field in invoice.fields] == [field.name for field in found.fields]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<label>x</label>", "type is missing"),
        ("<type>Sonnet</type>", "type 'Sonnet' is no field type"),
        ("<type>Number</type><precision>many</precision>", "precision has to be a whole number"),
        ("<type>Number</type><precision>3</precision><scale>3</scale>", "scale 3 has to be below"),
        ("<type>Lookup</type>", "referenceTo is missing"),
        ("<type>Text</type><required>perhaps</required>", "required has to be true or false"),
        ("<type>AutoNumber</type><displayFormat>A-{X}</displayFormat>", "displayFormat"),
        ("<type>Number</type><precision>3</precision><defaultValue>'x'</defaultValue>", "default 'x' is no value"),
    ],
)
def test_errors_name_file_and_element(tmp_path, body, text):
    """What is wrong is told with the file, the field and the element."""
    folder = field_file(tmp_path, body)

    with pytest.raises(DefinitionError) as caught:
        load_definition([folder])

    assert "Part__c.field-meta.xml: line 1, Thing__c.Part__c: " in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY e "x">]><CustomField>&e;</CustomField>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><CustomField/>',
        "<CustomField>&undefined;</CustomField>",
        "<CustomField>",
        "",
        "\x00",
        "<a>" * 60 + "</a>" * 60,
        '<?xml version="1.0" encoding="no-such"?><CustomField/>',
    ],
)
def test_hostile_xml_is_refused(tmp_path, content):
    """Document types, entities, broken and very deep files are errors that name the file."""
    path = tmp_path / "x.field-meta.xml"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(DefinitionError) as caught:
        read_xml(path)

    assert str(path) in str(caught.value)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(100))
def test_any_bytes_are_xml_or_an_error(tmp_path, content):
    """No content of a file leads to anything but a tree or a told error."""
    path = tmp_path / "any.field-meta.xml"
    path.write_bytes(content)

    try:
        root = read_xml(path)
    except DefinitionError:
        return

    assert root.name


def test_numbers_and_formulas(tmp_path):
    """A formula that is a value has it; any other stays null."""
    simple = only_field(tmp_path / "a", '<type>Text</type><formula>"EUR"</formula>')
    harder = only_field(tmp_path / "b", "<type>Number</type><precision>5</precision><formula>1 + 1</formula>")

    assert ("EUR", True, False) == (simple.default_value, simple.calculated, simple.createable)
    assert harder.default_value is None


def test_what_is_no_schema(tmp_path):
    """A path that is none of the known kinds is refused."""
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")

    with pytest.raises(DefinitionError, match="a schema is a describe answer"):
        load_definition([tmp_path / "notes.txt"])
    with pytest.raises(DefinitionError, match="neither metadata nor describe"):
        load_definition([tmp_path])
