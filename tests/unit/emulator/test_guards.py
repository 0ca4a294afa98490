"""What administrators add to the checks of a write: validation rules, record types, duplicate rules, owners."""

import pytest

from service.emulator.duplicates import DuplicateRule
from service.emulator.faults import SalesforceFault
from service.emulator.formula import FormulaError
from service.emulator.org import Org
from service.emulator.record_types import RecordType
from service.emulator.schema.describe import MASTER_RECORD_TYPE
from service.emulator.validation import ValidationRule
from service.emulator.write_options import WriteOptions, write_options


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, sobject="Account", options=None, **values):
    return org.create(sobject, values, user_id=org.admin_id, **({"options": options} if options else {}))


def update(org, record_id, **values):
    org.update("Account", record_id, values, user_id=org.admin_id)


def refusal(action, *arguments, **values):
    with pytest.raises(SalesforceFault) as caught:
        action(*arguments, **values)
    return caught.value


RULE = ValidationRule("account", "Phone_Needed", "ISBLANK(Phone)", "A phone, please.", "phone")


def test_a_validation_rule_refuses_with_its_own_words(org):
    """A row that a rule finds bad is refused with the rule's message at its field, on create and on update."""
    org.validation_rules.add(RULE)

    fault = refusal(create, org, Name="x")
    assert (fault.http_status, fault.error_code) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert (fault.message, fault.fields) == ("A phone, please.", ("Phone",))
    account = create(org, Name="x", Phone="1")
    assert refusal(update, org, account, Phone=None).message == "A phone, please."
    update(org, account, Name="y")
    assert org.count("Account") == 1


def test_a_predicate_sees_what_was_and_what_will_be(org):
    """A rule in Python reads fields as they will be and as they were."""
    org.validation_rules.add(
        ValidationRule("Account", "No_Shrinking", lambda row: not row.is_new and _shrinks(row), "Not fewer.")
    )
    account = create(org, Name="x", NumberOfEmployees=5)

    update(org, account, NumberOfEmployees=6)

    fault = refusal(update, org, account, NumberOfEmployees=4)
    assert (fault.message, fault.fields) == ("Not fewer.", ())
    assert org.get("Account", account, ["NumberOfEmployees"])["NumberOfEmployees"] == 6


def _shrinks(row):
    return row["numberofemployees"] < row.prior("NumberOfEmployees")


def test_all_broken_rules_are_told(org):
    """A row that several rules refuse names them all, in the order they were added."""
    org.validation_rules.add(RULE)
    org.validation_rules.add(ValidationRule("Account", "Site", "ISBLANK(Site)", "A site, please."))

    fault = refusal(create, org, Name="x")

    assert [each.message for each in (fault, *fault.also)] == ["A phone, please.", "A site, please."]


def test_rules_come_and_go(org):
    """Adding a rule again replaces it, inactive ones are not asked, and a removed one is gone."""
    org.validation_rules.add(RULE)
    org.validation_rules.add(ValidationRule("Account", "Phone_Needed", "TRUE", "Other words."))
    assert refusal(create, org, Name="x").message == "Other words."

    org.validation_rules.add(ValidationRule("Account", "Phone_Needed", "TRUE", "x", active=False))
    create(org, Name="x")
    org.validation_rules.add(RULE)
    org.validation_rules.remove("account", "Phone_Needed")
    create(org, Name="x")


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (ValidationRule("Nope__c", "R", "TRUE", "x"), ValueError),
        (ValidationRule("Account", "R", "TRUE", "x", "Nope__c"), ValueError),
        (ValidationRule("Account", "R", "VLOOKUP(1)", "x", active=False), FormulaError),
    ],
)
def test_rules_that_cannot_be(org, rule, kind):
    """A rule of no sObject or field, or of a formula that is not understood, is refused."""
    with pytest.raises(kind):
        org.validation_rules.add(rule)


def test_unique_values_come_before_rules(org):
    """A row with both a taken key and a broken rule is told of the key."""
    create(org, Name="x", Ext__c="K")
    org.validation_rules.add(RULE)

    assert refusal(create, org, Name="x", Ext__c="k").error_code == "DUPLICATE_VALUE"


def test_record_types(org):
    """A row has a type of its own sObject, the default one when it names none, and describe lists them."""
    retail = org.add_record_type(RecordType("account", "Retail", "Retail", default=True))
    partner = org.add_record_type(RecordType("Account", "Partner", "Partner_Type"))
    closed = org.add_record_type(RecordType("Account", "Closed", "Closed", active=False))

    assert org.add_record_type(RecordType("Account", "Retail", "Retail")) == retail
    made = create(org, Name="x")
    assert org.get("Account", made, ["RecordTypeId"])["RecordTypeId"] == retail
    update(org, made, RecordTypeId=partner[:15])
    assert org.get("Account", made, ["RecordTypeId"])["RecordTypeId"] == partner
    none = create(org, Name="y", RecordTypeId=MASTER_RECORD_TYPE)
    assert org.get("Account", none, ["RecordTypeId"])["RecordTypeId"] is None
    fault = refusal(create, org, Name="z", RecordTypeId=closed)
    assert (fault.error_code, fault.fields) == ("INVALID_CROSS_REFERENCE_KEY", ("RecordTypeId",))
    assert fault.message == f"Record Type ID: this ID value isn't valid for the user: {closed}"
    infos = org.describe("Account")["recordTypeInfos"]
    assert [
        (info["developerName"], info["active"], info["defaultRecordTypeMapping"], info["master"]) for info in infos
    ] == [
        ("Closed", False, False, False),
        ("Partner_Type", True, False, False),
        ("Retail", True, True, False),
        ("Master", True, False, True),
    ]
    rows = org.query("SELECT RecordType.DeveloperName FROM Account WHERE RecordType.Name = 'Partner'").rows
    assert [row["RecordType"]["DeveloperName"] for row in rows] == ["Partner_Type"]


def test_record_types_need_their_field(org):
    """An sObject without a field for its type has no types."""
    with pytest.raises(ValueError, match="Case has no field RecordTypeId"):
        org.add_record_type(RecordType("Case", "x", "x"))


PERSON = {"FirstName": "Jane", "LastName": "Doe", "Email": "jane@acme.example"}


def test_duplicates_are_shown(org):
    """A contact that is there already is refused with the records that match."""
    org.duplicate_rules.enable("Contact")
    first = create(org, "Contact", **PERSON)
    create(org, "Contact", LastName="Doe", Email="jane@acme.example")

    fault = refusal(create, org, "Contact", **PERSON | {"LastName": "DOE"})

    assert (fault.error_code, fault.message) == ("DUPLICATES_DETECTED", "Use one of these records?")
    result = fault.details["duplicateResult"]
    assert result["allowSave"] is True
    assert result["duplicateRule"] == "Standard_Contact_Duplicate_Rule"
    [match] = result["matchResults"]
    assert match["size"] == 1
    url = f"/services/data/v66.0/sobjects/Contact/{first}"
    assert match["matchRecords"][0]["record"] == {"attributes": {"type": "Contact", "url": url}, "Id": first}


def test_callers_may_allow_duplicates(org):
    """A rule that warns lets rows pass that are allowed, a rule that blocks does not; off, nothing is said."""
    create(org, "Contact", **PERSON)
    create(org, "Contact", **PERSON)
    allowed = WriteOptions(allow_duplicates=True)
    org.duplicate_rules.enable()
    create(org, "Contact", allowed, **PERSON)

    org.duplicate_rules.enable("Contact", blocks=True)
    fault = refusal(create, org, "Contact", allowed, **PERSON)

    assert fault.details["duplicateResult"]["allowSave"] is False
    org.duplicate_rules.disable()
    create(org, "Contact", **PERSON)


def test_updates_are_checked_when_they_touch_the_rule(org):
    """An update into a duplicate is refused; one of other fields is not, and a row is no duplicate of itself."""
    org.duplicate_rules.add(DuplicateRule("R", "Account", "M", (("Name", "Phone"),), message="Again?"))
    create(org, Name="x", Phone="1")
    other = create(org, Name="x", Phone="2")

    update(org, other, Name="X", Phone="2")
    assert refusal(update, org, other, Phone="1").message == "Again?"
    org.duplicate_rules.disable("Account")
    update(org, other, Phone="1")
    org.duplicate_rules.enable("Account")
    update(org, other, Site="here")


def test_details_of_duplicates(org):
    """With includeRecordDetails the records come with all their fields."""
    org.duplicate_rules.enable()
    create(org, "Contact", **PERSON)

    fault = refusal(create, org, "Contact", WriteOptions(include_record_details=True), **PERSON)

    [match] = fault.details["duplicateResult"]["matchResults"]
    assert match["matchRecords"][0]["record"]["Email"] == "jane@acme.example"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (False, False, False)),
        ({"Sforce-Duplicate-Rule-Header": "allowSave=true"}, (True, False, False)),
        ({"Sforce-Duplicate-Rule-Header": "AllowSave = TRUE ; includeRecordDetails=true"}, (True, True, False)),
        ({"Sforce-Duplicate-Rule-Header": "allowSave=no,includeRecordDetails=true"}, (False, True, False)),
        ({"Sforce-Mru": "updateMru=true"}, (False, False, True)),
        ({"Sforce-Mru": "updateMru", "Sforce-Duplicate-Rule-Header": "=;;"}, (False, False, False)),
    ],
)
def test_headers(headers, expected):
    """Options are read without regard to case and space; what is not true is false."""
    options = write_options(headers, "62.0")

    assert (options.allow_duplicates, options.include_record_details, options.update_recent) == expected


def test_owners(org):
    """A record is owned by an active user or a queue, not by a user who left or a plain group."""
    profile = org.query("SELECT Id FROM Profile").rows[0]["Id"]
    user = {
        "LastName": "Gone",
        "Alias": "gone",
        "Username": "gone@acme.example",
        "Email": "gone@acme.example",
        "ProfileId": profile,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
    }
    gone = create(org, "User", **user)
    here = create(org, "User", **user | {"Username": "here@acme.example", "CommunityNickname": "h", "IsActive": True})
    queue = create(org, "Group", Name="Q", Type="Queue")
    group = create(org, "Group", Name="G", Type="Regular")

    fault = refusal(create, org, Name="x", OwnerId=gone)
    assert (fault.error_code, fault.fields) == ("INACTIVE_OWNER_OR_USER", ("OwnerId",))
    assert refusal(create, org, "Case", OwnerId=group).error_code == "INVALID_CROSS_REFERENCE_KEY"
    assert refusal(create, org, Name="x", OwnerId=queue).error_code == "MALFORMED_ID"
    create(org, "Case", OwnerId=queue)
    account = create(org, Name="x")
    update(org, account, OwnerId=here)
    assert org.get("Account", account, ["OwnerId"])["OwnerId"] == here
