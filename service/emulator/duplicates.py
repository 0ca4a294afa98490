"""Duplicate rules: rows that an org would rather not have twice.

Source: Salesforce Help, "Standard Duplicate Rules" and "Standard Matching Rules"; Salesforce REST API, "Duplicate Rule
Header". The emulator compares exactly, without case, where Salesforce also knows nicknames, typing errors and
companies' legal forms. Every org has the rules, switched off.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from service.emulator import faults
from service.emulator.plan import Plan
from service.emulator.store import Store, quoted
from service.emulator.values import Stored
from service.emulator.write_options import WriteOptions

_MOST_MATCHES = 100

Show = Callable[[str, str, Sequence[str] | None, str], dict[str, object]]
"""Reads a record: sObject, id, fields or None for all, API version."""


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """A rule and the matching rule it goes by."""

    name: str
    sobject: str
    """Canonical name."""
    matching_rule: str
    equations: tuple[tuple[str, ...], ...]
    """Two records are duplicates when all fields of one equation have values and agree."""
    message: str = "Use one of these records?"
    blocks: bool = False
    """Whether duplicates are refused even to callers who allow them."""


_PERSON = ("FirstName", "LastName")

STANDARD_RULES: Mapping[str, DuplicateRule] = {
    "Account": DuplicateRule(
        "Standard_Account_Duplicate_Rule",
        "Account",
        "Standard_Account_Match_Rule_v1_0",
        (
            ("Name", "BillingStreet"),
            ("Name", "BillingCity", "BillingState"),
            ("Name", "BillingPostalCode"),
            ("Name", "Phone"),
            ("Name", "Website"),
            ("Website", "Phone"),
        ),
    ),
    "Contact": DuplicateRule(
        "Standard_Contact_Duplicate_Rule",
        "Contact",
        "Standard_Contact_Match_Rule_v1_1",
        (
            (*_PERSON, "Email"),
            (*_PERSON, "AccountId", "Title"),
            (*_PERSON, "AccountId", "Phone"),
            (*_PERSON, "MailingStreet", "MailingCity"),
            (*_PERSON, "MailingStreet", "MailingPostalCode"),
        ),
    ),
    "Lead": DuplicateRule(
        "Standard_Lead_Duplicate_Rule",
        "Lead",
        "Standard_Lead_Match_Rule_v1_0",
        (
            (*_PERSON, "Email"),
            (*_PERSON, "Company", "Title"),
            (*_PERSON, "Company", "Phone"),
            (*_PERSON, "Street", "City"),
            (*_PERSON, "Street", "PostalCode"),
        ),
    ),
}
"""The rules every org has, by sObject. Their equations are Salesforce's in the main; some names are unverified."""


class DuplicateRules:
    """The duplicate rules of one org that are switched on.

    Args:
        store: Where the rows are.
        show: Reads the records that match.

    """

    def __init__(self, store: Store, show: Show) -> None:
        self._store = store
        self._show = show
        self._rules: dict[str, DuplicateRule] = {}

    def enable(self, *sobjects: str, blocks: bool = False) -> None:
        """Switch the standard rules on.

        Args:
            sobjects: `Account`, `Contact`, `Lead`; none for all three.
            blocks: Whether duplicates are refused even to callers who allow them.

        Raises:
            KeyError: There is no standard rule for an sObject.

        """
        for sobject in sobjects or STANDARD_RULES:
            self.add(replace(STANDARD_RULES[sobject], blocks=blocks))

    def add(self, rule: DuplicateRule) -> None:
        """Switch a rule on in place of the one its sObject has."""
        self._rules[rule.sobject] = rule

    def disable(self, *sobjects: str) -> None:
        """Switch rules off; no sObjects mean all."""
        for sobject in sobjects or tuple(self._rules):
            self._rules.pop(sobject, None)

    def __contains__(self, sobject: object) -> bool:
        """Tell whether the rule of an sObject, by canonical name, is on."""
        return sobject in self._rules

    def check(self, plan: Plan, row: Mapping[str, Stored], changed: Iterable[str], options: WriteOptions) -> None:
        """Refuse a row that is there already.

        Args:
            plan: The sObject.
            row: The whole row as it will be, with its id.
            changed: Names of the fields that are being written; a rule whose fields stay as they are says nothing.
            options: Whether duplicates are allowed, and how they are shown.

        Raises:
            SalesforceFault: DUPLICATES_DETECTED.

        """
        rule = self._rules.get(plan.name)
        if rule is None or (options.allow_duplicates and not rule.blocks):
            return
        written = set(changed)
        found: dict[str, None] = {}
        for equation in rule.equations:
            if written.intersection(equation):
                found.update(dict.fromkeys(self._matches(plan, row, equation)))
        if found:
            raise faults.duplicates_detected(rule.message, self._result(rule, list(found), options))

    def _matches(self, plan: Plan, row: Mapping[str, Stored], equation: Sequence[str]) -> list[str]:
        values = [row.get(name) for name in equation]
        if None in values:
            return []
        equal = " AND ".join(f"{quoted(name)} = ?" for name in equation)
        sql = f'SELECT "Id" FROM {plan.table} WHERE {equal} AND "IsDeleted" = 0 AND "Id" <> ? LIMIT {_MOST_MATCHES}'  # noqa: S608
        return [str(match[0]) for match in self._store.every(sql, (*values, row.get("Id")))]

    def _result(self, rule: DuplicateRule, found: Sequence[str], options: WriteOptions) -> dict[str, object]:
        fields = None if options.include_record_details else ["Id"]
        records = [self._show(rule.sobject, record_id, fields, options.api_version) for record_id in found]
        matches = [
            {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
            for record in records
        ]
        return {
            "allowSave": not rule.blocks,
            "duplicateRule": rule.name,
            "duplicateRuleEntityType": rule.sobject,
            "errorMessage": rule.message,
            "matchResults": [
                {
                    "entityType": rule.sobject,
                    "errors": [],
                    "matchEngine": "FuzzyMatchEngine",
                    "matchRecords": matches,
                    "rule": rule.matching_rule,
                    "size": len(matches),
                    "success": True,
                }
            ],
        }
