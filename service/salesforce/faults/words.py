"""What Salesforce's texts tell beyond their code, without the caller's values in them.

Texts come in the language of the org's user, and repeat values. Where a code says all there is to say, its text is not
passed on at all; what is passed on, because an administrator or a developer of the org wrote it, loses the values that
Salesforce's own sentences inside it repeat. Texts are matched loosely: what cannot be found in them is left out.
"""

import re

from service.salesforce.faults.fault import MOST_FIELDS, Fault, long_id, long_ids

_LONGEST = 500
_NAME = r"[A-Za-z]\w{0,79}"
_VALUE_END = r"(?:(?=: \[)|\Z)"
_VALUES = (
    (re.compile(r"(data value too large): .*(?=\(max length=\d)", re.DOTALL), r"\1 "),
    (
        re.compile(
            r"(data value too large|invalid email address|bad value for restricted picklist field|"
            r"id value of incorrect type|value outside of valid range on numeric field|"
            r"Duplicate external id specified|invalid ID field|this ID value isn't valid for the user|"
            r"insufficient access rights on cross-reference id|Foreign key external ID)"
            r": (?!\(max).*?" + _VALUE_END,
            re.DOTALL,
        ),
        r"\1",
    ),
    (re.compile(r"(associated with the following [^:]{1,80}): .*", re.DOTALL), r"\1"),
    (re.compile(r" \[[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\]"), ""),
)
"""Salesforce's own sentences that repeat a value, also where a trigger passes them on."""
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STACK = re.compile(r"\n+(?:Class|Trigger|AnonymousBlock|External entry point|\(System Code\))\b.*", re.DOTALL)
_LENGTH = re.compile(r"=\s?(\d{1,9})\)\s*\Z")
_POSITION = re.compile(r"ERROR at Row:(\d{1,9}):Column:(\d{1,9})(.*)", re.DOTALL)
_MISSING = re.compile(rf"missing: \[({_NAME}(?:, ?{_NAME})*)\]")
_UNWRITEABLE = re.compile(rf"fields?: ({_NAME}(?:, ?{_NAME})*)\.")
_KIND = re.compile(r"instance of (\w{1,40})")
_UNIQUE = re.compile(rf"duplicate value found: ({_NAME}) ")
_HOLDER = re.compile(r"\bid: ([A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?)\b")
_BLOCKED = re.compile(r"\bid: ([A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?)\s*\Z")
_TWICE = re.compile(r"duplicate (?:external )?id (?:specified|in list)", re.IGNORECASE)
_MANY = re.compile(r"more than one record found", re.IGNORECASE)
_IDS = re.compile(r"\[([A-Za-z0-9, ]{15,1000})\]")
_ERROR_ID = re.compile(r"ErrorId\b[^:]{0,80}: ([0-9-]{1,60} \(-?\d{1,20}\))")


def told(fault: Fault) -> str:
    """Return a text in one line, without values and stack traces."""
    text = _STACK.sub("", fault.message)
    for pattern, replacement in _VALUES:
        text = pattern.sub(replacement, text)
    return line(text)


def line(text: str) -> str:
    """Return a text in one line of at most 500 characters."""
    return " ".join(_BREAKS.sub(" ", text).split())[:_LONGEST]


def longest(fault: Fault) -> str:
    """Return how many characters a field takes, `1,300` for example; empty if the text does not say."""
    found = _LENGTH.search(fault.message)
    return f"{int(found[1]):,}" if found else ""


def kind(fault: Fault) -> str:
    """Return the type that a JSON value was to have, `double` for example; empty if the text does not say."""
    found = _KIND.search(fault.message)
    return found[1] if found else ""


def named(fault: Fault) -> tuple[str, ...]:
    """Return the fields at fault: those that Salesforce lists, or else those that its text does."""
    if fault.fields:
        return fault.fields
    found = _MISSING.search(fault.message) or _UNWRITEABLE.search(fault.message)
    return tuple(re.split(", ?", found[1]))[:MOST_FIELDS] if found else ()


def position(fault: Fault) -> tuple[int, int, str] | None:
    """Return row, column and text of what is wrong with a query; None if the text is not about a place in a query."""
    found = _POSITION.search(fault.message)
    if found is None:
        return None
    return int(found[1]), int(found[2]), told(Fault(fault.code, found[3]))


def unique_field(fault: Fault) -> tuple[str, ...]:
    """Return the field whose value another record holds already; none if Salesforce does not know it either."""
    found = _UNIQUE.search(fault.message)
    return fault.fields or ((found[1],) if found else ())


def holder(fault: Fault) -> str:
    """Return the id of the record that holds a unique value, 18 characters; empty if Salesforce does not tell."""
    found = _HOLDER.search(fault.message)
    return long_id(found[1]) if found else ""


def blocked(fault: Fault) -> str:
    """Return the id of the record that a user has no access to, 18 characters; empty if Salesforce does not tell."""
    found = _BLOCKED.search(fault.message)
    return long_id(found[1]) if found else ""


def is_repeated_key(fault: Fault) -> bool:
    """Tell whether a record stands twice in one call."""
    return _TWICE.search(fault.message) is not None


def is_ambiguous(fault: Fault) -> bool:
    """Tell whether an external id matched several records."""
    return _MANY.search(fault.message) is not None


def matches(fault: Fault) -> tuple[str, ...]:
    """Return the ids of the records that an external id matched, 18 characters each, at most 20."""
    found = _IDS.search(fault.message)
    return long_ids(iter(found[1].replace(" ", "").split(","))) if found else ()


def error_id(fault: Fault) -> str:
    """Return what Salesforce's support finds an unexpected error by; empty if Salesforce gave nothing."""
    found = _ERROR_ID.search(fault.message)
    return found[1] if found else ""
