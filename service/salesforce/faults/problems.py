"""What is wrong with a field where Salesforce's code says it, in words of ours: Salesforce's own repeat the value."""

from collections.abc import Callable

from service.salesforce.faults import words
from service.salesforce.faults.fault import Fault

Problem = Callable[[str, Fault], str]
"""Returns a sentence that begins with the field's name and says what would be right."""


def too_long(name: str, fault: Fault) -> str:
    """Say how much text a field takes."""
    most = words.longest(fault)
    return f"{name} takes at most {most} characters" if most else f"{name} takes fewer characters"


def no_email(name: str, _fault: Fault) -> str:
    """Say that a field takes an e-mail address."""
    return f"{name} takes an e-mail address"


def no_choice(name: str, _fault: Fault) -> str:
    """Say that a field's values are listed."""
    return f"{name} takes the values of its restricted picklist only"


def too_large(name: str, _fault: Fault) -> str:
    """Say that a number has too many digits."""
    return f"{name} takes no number of that size"


def wrong_type(name: str, fault: Fault) -> str:
    """Say that a JSON value cannot be read as the field's type."""
    wanted = words.kind(fault)
    return f"{name} has a value of the wrong type{f'; Salesforce expects a {wanted}' if wanted else ''}"


def wrong_id(name: str, _fault: Fault) -> str:
    """Say that an id is malformed or of another sObject."""
    return f"{name} takes an id of the right sObject, 15 or 18 letters and digits"


def not_taken(name: str, _fault: Fault) -> str:
    """Say that a value is refused whose rule only the code's name tells."""
    return f"{name} holds a value that Salesforce does not take"


def missing(name: str, _fault: Fault) -> str:
    """Say that a field must have a value."""
    return f"{name} is required; give it a value"


def leads_nowhere(name: str, _fault: Fault) -> str:
    """Say that a lookup points at no record."""
    return f"{name} leads to no record that the org's user may use"
