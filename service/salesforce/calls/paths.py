"""What callers choose, as a part of a URL's path."""

from urllib.parse import quote

from service.errors import FieldViolation, InvalidRequest

LONGEST_PATH = 14_000
"""Salesforce refuses request line and headers above 16,384 bytes together ("API Request Limits and Allocations")."""


def is_segment(value: str) -> bool:
    """Tell whether a value can stand in a path at all.

    `.` and `..` are steps up and down the path even percent-encoded (RFC 3986, 5.2.4): another resource would answer.
    """
    return value not in {".", ".."}


def segment(value: str, field: str = "external_id.value") -> str:
    """Return a value percent-encoded, so that it is one segment of a path whatever characters it has.

    Args:
        value: An external id.
        field: The request's field that holds it, for the error.

    Raises:
        InvalidRequest: The value is `.` or `..`.

    """
    if not is_segment(value):
        problem = f"the external id {value!r} cannot stand in Salesforce's URLs"
        raise InvalidRequest(problem, violations=[FieldViolation(field, problem)])
    return quote(value, safe="")
