"""What the query resource refuses, in Salesforce's words, with the line and the caret that show where."""

from service.emulator.faults import SalesforceFault
from service.errors import MalformedQuery
from service.soql import ast

_REFERENCE = "Please reference your WSDL or the describe call for the appropriate names."
_BEFORE, _AFTER = 60, 60
_ENDS = " ,(\t"


class Refusals:
    """Makes the faults of one query.

    Source: Salesforce REST API, recorded answers for INVALID_TYPE; texts marked unverified are from memory.

    Args:
        soql: The query as it was sent; answers repeat the part around the fault.

    """

    def __init__(self, soql: str) -> None:
        self._lines = soql.split("\n")

    def at(self, place: ast.Position, error_code: str, text: str) -> SalesforceFault:
        """Build a fault that shows its place.

        Args:
            place: Where.
            error_code: Value of `errorCode`.
            text: What is wrong, without the place.

        """
        line = self._lines[place.row - 1] if place.row <= len(self._lines) else ""
        start = _start(line, place.column - 1)
        shown = line[start : place.column - 1 + _AFTER]
        caret = " " * (place.column - 1 - start) + "^"
        where = f"ERROR at Row:{place.row}:Column:{place.column}"
        return SalesforceFault(400, error_code, f"\n{shown}\n{caret}\n{where}\n{text}")

    def malformed(self, error: MalformedQuery) -> SalesforceFault:
        """Translate the parser's refusal; how Salesforce words faults other than unexpected tokens is unverified."""
        found = error.metadata.get("found")
        text = f"unexpected token: '{found}'" if "expected" in error.metadata else error.metadata["detail"]
        return self.at(ast.Position(error.row, error.column), "MALFORMED_QUERY", text)

    def unknown_object(self, name: str, place: ast.Position) -> SalesforceFault:
        """Refuse an sObject the org does not have."""
        hint = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
        return self.at(place, "INVALID_TYPE", f"sObject type '{name}' is not supported. {hint} {_REFERENCE}")

    def unknown_field(self, name: str, sobject: str, place: ast.Position) -> SalesforceFault:
        """Refuse a field the sObject does not have."""
        hint = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
        return self.at(place, "INVALID_FIELD", f"No such column '{name}' on entity '{sobject}'. {hint} {_REFERENCE}")

    def unknown_parent(self, name: str, place: ast.Position) -> SalesforceFault:
        """Refuse a parent relationship the sObject does not have."""
        return self._unknown_relationship(name, "field path", "INVALID_FIELD", place)

    def unknown_children(self, name: str, place: ast.Position) -> SalesforceFault:
        """Refuse a child relationship the sObject does not have."""
        return self._unknown_relationship(name, "FROM part of query call", "INVALID_TYPE", place)

    def wrong_type(self, field: str, wanted: str, place: ast.Position, *, quoted: bool) -> SalesforceFault:
        """Refuse a value of another type than the field's.

        Args:
            field: Canonical name of the field.
            wanted: The field's type, as Salesforce names it.
            place: Where the field stands (that Salesforce points there is unverified).
            quoted: Whether values of the type stand in quotes.

        """
        quotes = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
        text = f"value of filter criterion for field '{field}' must be of type {wanted} and {quotes}"
        return self.at(place, "INVALID_FIELD", text)

    def invalid_id(self, value: str, place: ast.Position) -> SalesforceFault:
        """Refuse text that is no record id, compared with an id; the code is unverified."""
        return self.at(place, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")

    def unusable(self, field: str, use: str, place: ast.Position) -> SalesforceFault:
        """Refuse to filter, sort or group by a field that cannot be; the codes are unverified.

        Args:
            field: Canonical name of the field.
            use: `filtered`, `sorted` or `grouped`.
            place: Where the field stands.

        """
        code = "MALFORMED_QUERY" if use == "grouped" else "INVALID_FIELD"
        return self.at(place, code, f"field '{field}' can not be {use} in a query call")

    def malformed_at(self, text: str, place: ast.Position) -> SalesforceFault:
        """Refuse what the grammar allows and Salesforce does not."""
        return self.at(place, "MALFORMED_QUERY", text)

    def _unknown_relationship(self, name: str, part: str, code: str, place: ast.Position) -> SalesforceFault:
        hint = (
            "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom "
            "relationship name."
        )
        return self.at(place, code, f"Didn't understand relationship '{name}' in {part}. {hint} {_REFERENCE}")


def offset_too_large() -> SalesforceFault:
    """Refuse an OFFSET above 2,000 (SOQL and SOSL Reference, "OFFSET"); the text is unverified."""
    return SalesforceFault(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")


def not_queryable(sobject: str) -> SalesforceFault:
    """Refuse to query an sObject that cannot be; the text is unverified."""
    return SalesforceFault(400, "INVALID_TYPE_FOR_OPERATION", f"entity type {sobject} does not support query")


def too_many_groups() -> SalesforceFault:
    """Refuse a grouped result that would need a second page, which grouped results never have."""
    text = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
    return SalesforceFault(400, "EXCEEDED_ID_LIMIT", text)


def _start(line: str, index: int) -> int:
    """Return where to start showing a long line: at a word, about sixty characters ahead of the fault (unverified)."""
    start = max(0, index - _BEFORE)
    while 0 < start < index and line[start - 1] not in _ENDS:
        start += 1
    return start
