"""Validation rules: what an administrator forbids beyond what fields do.

Source: Salesforce Help, "Validation Rules". A rule is data: it says of a row whether it is bad, by a formula or by a
function in Python.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.emulator.faults import SalesforceFault, validation_failed
from service.emulator.formula import Candidate, Predicate, compile_formula
from service.emulator.schema.model import Schema, SObject
from service.emulator.values import Stored

Fetch = Callable[[SObject, str], Mapping[str, Stored] | None]


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """One rule of one sObject."""

    sobject: str
    """API name, in any case."""
    name: str
    """The rule's own API name."""
    condition: str | Predicate
    """A formula, or a function of a `Candidate`; true means that the row is refused."""
    message: str
    """What the caller is told."""
    error_field: str | None = None
    """The field the message belongs to; None for the whole record."""
    active: bool = True


class ValidationRules:
    """The rules of one org.

    Args:
        schema: Gives the fields that formulas name.
        fetch: Reads the rows that formulas reach through references.

    """

    def __init__(self, schema: Schema, fetch: Fetch) -> None:
        self._schema = schema
        self._fetch = fetch
        self._rules: dict[str, dict[str, tuple[ValidationRule, Predicate, tuple[str, ...]]]] = {}

    def add(self, rule: ValidationRule) -> None:
        """Add a rule, or replace the one of that name. An inactive rule is compiled, so that it may be refused, too.

        Raises:
            FormulaError: The formula is malformed or uses what is not supported.
            ValueError: There is no such sObject or error field.

        """
        sobject = self._schema.sobject(rule.sobject)
        if sobject is None:
            raise ValueError(f"validation rule {rule.name}: there is no sObject {rule.sobject}")
        at = sobject.field(rule.error_field) if rule.error_field else None
        if rule.error_field and at is None:
            raise ValueError(f"validation rule {rule.name}: {sobject.name} has no field {rule.error_field}")
        condition = rule.condition
        if isinstance(condition, str):
            condition = compile_formula(condition, sobject, self._schema.sobject)
        rules = self._rules.setdefault(sobject.name, {})
        rules.pop(rule.name, None)
        if rule.active:
            rules[rule.name] = (rule, condition, (at.name,) if at else ())

    def remove(self, sobject: str, name: str) -> None:
        """Remove a rule; one that is not there is left alone."""
        known = self._schema.sobject(sobject)
        self._rules.get(known.name if known else "", {}).pop(name, None)

    def __contains__(self, sobject: object) -> bool:
        """Tell whether an sObject, by canonical name, has active rules."""
        return bool(self._rules.get(str(sobject)))

    def check(
        self,
        sobject: SObject,
        after: Mapping[str, Stored],
        before: Mapping[str, Stored] | None,
        *,
        now: datetime,
    ) -> None:
        """Refuse a row that a rule finds bad.

        Args:
            sobject: What it is.
            after: The whole row as it will be.
            before: The whole row as it is; None for a create.
            now: What NOW() and TODAY() say; aware.

        Raises:
            SalesforceFault: FIELD_CUSTOM_VALIDATION_EXCEPTION, with one entry for each rule that is broken.

        """
        row = Candidate(sobject, after, before, now, self._fetch, self._schema.sobject)
        rules = self._rules.get(sobject.name, {}).values()
        broken = [validation_failed(rule.message, fields) for rule, condition, fields in rules if condition(row)]
        if broken:
            first, *others = broken
            raise SalesforceFault(first.http_status, first.error_code, first.message, first.fields, also=others)
