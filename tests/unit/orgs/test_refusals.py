"""What a caller reads when several things are wrong at once."""

import pytest

from service.errors import InvalidFieldValue, RequiredFieldMissing, UnknownField
from service.orgs.refusals import Fault, refusal

MISSING = Fault(RequiredFieldMissing, "Company is required; give it a value")
WRONG = Fault(InvalidFieldValue, "AnnualRevenue takes a number")
NO_KEY = Fault(UnknownField, "'K__c' is no external id of Lead", "K__c")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([("fields.Company", MISSING)], "Company is required; give it a value"),
        (
            [("fields.AnnualRevenue", WRONG), ("fields.Company", MISSING)],
            "Company is required; give it a value; also at fault: AnnualRevenue",
        ),
        (
            [("fields.Company", MISSING), ("external_id.field", NO_KEY)],
            "'K__c' is no external id of Lead; also at fault: Company",
        ),
        (
            [(f"fields.F{index}", WRONG) for index in range(9)],
            "AnnualRevenue takes a number; also at fault: F1, F2, F3, F4, F5 and 3 more",
        ),
    ],
)
def test_a_message_names_every_field(faults, message):
    """The gravest fault is explained and the other fields are named, because one of many has nothing but its text."""
    error = refusal("Lead", faults)

    assert message == error.message
    assert len(faults) == len(error.violations)
