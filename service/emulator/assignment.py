"""Assignment rules: who owns a new lead or case.

Source: Salesforce REST API, "Assignment Rule Header"; Salesforce Help, "Assignment Rules". A rule of the emulator has
one entry without criteria: every row it is used for gets its owner, whoever the row names (unverified).
"""

from dataclasses import dataclass

from service.emulator import faults, ids

SOBJECTS = ("Case", "Lead")
"""The sObjects that have assignment rules here."""

_KEY_PREFIX = "01Q"


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    """One rule."""

    id: str
    """18 characters."""
    sobject: str
    """Canonical name."""
    owner_id: str
    """A user or a queue, 18 characters."""


class AssignmentRules:
    """The assignment rules of one org; none at first.

    Args:
        pod: Two characters that ids carry behind the key prefix.

    """

    def __init__(self, pod: str) -> None:
        self._pod = pod
        self._rules: dict[str, AssignmentRule] = {}
        self._active: dict[str, AssignmentRule] = {}

    def add(self, sobject: str, owner_id: str, *, active: bool = True) -> str:
        """Add a rule.

        Args:
            sobject: `Case` or `Lead`.
            owner_id: A user or a queue.
            active: Whether it is used where a call names no rule; the one that was active is so no longer.

        Returns:
            Its id, 18 characters.

        Raises:
            ValueError: The sObject has no assignment rules, or the owner is no id.

        """
        owner = ids.normalise(owner_id)
        if sobject not in SOBJECTS or owner is None:
            raise ValueError(f"an assignment rule is of {' or '.join(SOBJECTS)} and gives rows to an id")
        rule = AssignmentRule(ids.from_counter(_KEY_PREFIX, len(self._rules) + 1, self._pod), sobject, owner)
        self._rules[rule.id] = rule
        if active:
            self._active[sobject] = rule
        return rule.id

    def owner(self, sobject: str, wanted: str, *, creating: bool) -> str | None:
        """Return who is to own a row, or None to leave its owner alone.

        Without the header the active rule is used for new rows only; that it is not for changed ones is unverified.

        Args:
            sobject: Canonical name.
            wanted: The value of `Sforce-Auto-Assign`: `TRUE`, `FALSE` or the id of a rule; empty for none.
            creating: Whether the row is new.

        Raises:
            SalesforceFault: INVALID_CROSS_REFERENCE_KEY for a rule that the sObject does not have (unverified).

        """
        if sobject not in SOBJECTS or wanted.upper() == "FALSE" or not (creating or wanted):
            return None
        if wanted.upper() in {"", "TRUE"}:
            rule = self._active.get(sobject)
            return rule.owner_id if rule else None
        rule = self._rules.get(ids.normalise(wanted) or "")
        if rule is None or rule.sobject != sobject:
            raise faults.broken_reference("OwnerId")
        return rule.owner_id
