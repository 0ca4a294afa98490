"""Scripted faults: what a test makes the emulated Salesforce do wrong, and when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.emulator.faults import SalesforceFault


@dataclass(frozen=True, slots=True)
class Delay:
    """Handle the request, but only after a wait. From 20 seconds on it takes a long-request slot."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Page:
    """Answer an HTML page in Salesforce's stead, as its edge does in an outage (420, 502, 503)."""

    status: int = 503
    html: str = "<html><head><title>Service Unavailable</title></head><body><h1>Service Unavailable</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer an error array and handle nothing."""

    status: int
    error_code: str
    message: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection without an answer: before the request is handled, or after its effects stand."""

    after_handling: bool = False


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    """End every session of the org (of all orgs when the request names none), then handle the request."""


Effect = Delay | Page | Refuse | Drop | RevokeSessions


@dataclass(slots=True)
class Rule:
    """One effect, the requests it befalls and how often it still will."""

    effect: Effect
    method: re.Pattern[str]
    path: re.Pattern[str]
    org_id: str | None
    """Only requests that carry a token of this org; None for all requests."""
    skip: int
    """Matching requests that still pass unharmed."""
    times: int | None
    """Matching requests that will still be hit; None for all to come."""

    def take(self, method: str, path: str, org_id: str | None) -> bool:
        """Tell whether a request is hit, and count it when it matches."""
        if self.times == 0 or (self.org_id is not None and self.org_id != org_id):
            return False
        if not self.method.fullmatch(method) or not self.path.search(path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class _RowLock:
    org_id: str | None
    skip: int
    rows: int
    in_trigger: bool


class Disturbances:
    """The faults scripted for one emulator, in the order they were added.

    Every rule that matches a request takes part, so a delay and a refusal add up; of several answers the
    first one wins. Rules may be added and removed while requests are in flight.
    """

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._row_locks: list[_RowLock] = []

    def add(
        self,
        effect: Effect,
        *,
        method: str = ".*",
        path: str = "",
        org_id: str | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> Rule:
        """Script an effect.

        Args:
            effect: What happens.
            method: Regular expression for the whole HTTP method.
            path: Regular expression found anywhere in the raw path, query string included.
            org_id: 18-character id of the only org it befalls; None for all.
            skip: How many matching requests pass before the first is hit.
            times: How many requests are hit; None for all.

        Returns:
            The rule, for `remove`.

        """
        rule = Rule(effect, re.compile(method), re.compile(path), org_id, skip, times)
        self._rules.append(rule)
        return rule

    def lock_rows(self, rows: int = 1, *, skip: int = 0, org_id: str | None = None, in_trigger: bool = False) -> None:
        """Make row writes fail with UNABLE_TO_LOCK_ROW, whichever resource they arrive by.

        Args:
            rows: How many writes fail.
            skip: How many writes succeed before that; 2 makes the third row the first to fail.
            org_id: 18-character id of the only org it befalls; None for all.
            in_trigger: Wrap the code in the text of a trigger's exception.

        """
        self._row_locks.append(_RowLock(org_id, skip, rows, in_trigger))

    def remove(self, rule: Rule) -> None:
        """Take a rule back; nothing happens when it is gone already."""
        if rule in self._rules:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Take everything back."""
        self._rules.clear()
        self._row_locks.clear()

    def take(self, method: str, path: str, org_id: str | None) -> Sequence[Effect]:
        """Return the effects that befall a request, oldest first, and count them as used."""
        effects = [rule.effect for rule in self._rules if rule.take(method, path, org_id)]
        self._rules = [rule for rule in self._rules if rule.times != 0]
        return effects

    def check_row(self, org_id: str, record_id: str | None) -> None:
        """Let one row write pass, or refuse it.

        Args:
            org_id: The org of the row.
            record_id: The row's id where the write names one.

        Raises:
            SalesforceFault: 400 UNABLE_TO_LOCK_ROW, or 400 CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY with it inside.

        """
        if not self._row_locks:
            return
        lock = next((lock for lock in self._row_locks if lock.org_id in {None, org_id}), None)
        if lock is None:
            return
        if lock.skip > 0:
            lock.skip -= 1
            return
        lock.rows -= 1
        if lock.rows <= 0:
            self._row_locks.remove(lock)
        raise _locked(record_id, in_trigger=lock.in_trigger)


def _locked(record_id: str | None, *, in_trigger: bool) -> SalesforceFault:
    text = "unable to obtain exclusive access to this record"
    if record_id:
        text += f" or 1 records: {record_id}"
    if not in_trigger:
        return SalesforceFault(400, "UNABLE_TO_LOCK_ROW", text)
    text = f"RecordTrigger: execution of BeforeInsert\n\ncaused by: System.DmlException: UNABLE_TO_LOCK_ROW, {text}"
    return SalesforceFault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)
