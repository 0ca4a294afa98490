"""Scripted faults: what the emulated Salesforce is made to do wrong, and when."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from service.clock import Clock
from service.emulator.effects import (
    Delay,
    Drop,
    Effect,
    LockParents,
    LockRow,
    LogNormalDelay,
    Page,
    QuotaUsedUp,
    Refuse,
    RequestEffect,
    RevokeSessions,
    SlowJob,
    SlowRows,
    TurnAway,
    UniformDelay,
)
from service.emulator.faults import SalesforceFault
from service.emulator.parent_locks import ParentLocks
from service.emulator.rule import Rule, Surroundings, enter, leave, surroundings

__all__ = ["Delay", "Disturbances", "Drop", "Effect", "Page", "Refuse", "RevokeSessions", "Rule"]


class Disturbances:
    """The faults scripted for one emulator, in the order they were added.

    Every rule that matches a request takes part, so a delay and a refusal add up; of several answers the
    first one wins. Rules may be added and removed while requests are in flight.
    """

    def __init__(self) -> None:
        self._requests: list[Rule] = []
        self._others: list[Rule] = []
        self._named: dict[str, Rule] = {}
        self._locks = ParentLocks()

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
            method: Regular expression for the whole HTTP method of a request, or of the one that rows came by.
            path: Regular expression found anywhere in its raw path, query string included. Rows of a bulk job came by
                the request that closed the job.
            org_id: 18-character id of the only org it befalls; None for all.
            skip: How many matches pass before the first is hit.
            times: How many are hit; None for all.

        Returns:
            The rule, for `remove`.

        """
        rule = Rule(effect, re.compile(method), re.compile(path), org_id, skip, times)
        self.add_rule(rule)
        return rule

    def add_rule(self, rule: Rule) -> None:
        """Add a rule; one of the same name, unless it is empty, goes."""
        if rule.id:
            self.remove_named(rule.id)
            self._named[rule.id] = rule
        (self._requests if isinstance(rule.effect, RequestEffect) else self._others).append(rule)

    def lock_rows(self, rows: int = 1, *, skip: int = 0, org_id: str | None = None, in_trigger: bool = False) -> None:
        """Make row writes fail with UNABLE_TO_LOCK_ROW, whichever resource they arrive by.

        Args:
            rows: How many writes fail.
            skip: How many writes succeed before that; 2 makes the third row the first to fail.
            org_id: 18-character id of the only org it befalls; None for all.
            in_trigger: Wrap the code in the text of a trigger's exception.

        """
        self.add(LockRow(in_trigger=in_trigger), org_id=org_id, skip=skip, times=rows)

    def remove(self, rule: Rule) -> None:
        """Take a rule back; nothing happens when it is gone already."""
        for rules in (self._requests, self._others):
            rules[:] = [each for each in rules if each is not rule]
        if self._named.get(rule.id) is rule:
            del self._named[rule.id]

    def remove_named(self, rule_id: str) -> bool:
        """Take the rule of a name back; tell whether there was one."""
        rule = self._named.get(rule_id)
        if rule is not None:
            self.remove(rule)
        return rule is not None

    def clear(self) -> None:
        """Take everything back."""
        self._requests.clear()
        self._others.clear()
        self._named.clear()

    def named(self) -> Sequence[Rule]:
        """Return the rules that have names, oldest first, those without hits left among them."""
        return list(self._named.values())

    def take(self, method: str, path: str, org_id: str | None) -> Sequence[RequestEffect]:
        """Return the effects that befall a request, oldest first, and count them as used.

        Delays of a distribution are returned as the delay drawn.
        """
        enter(Surroundings(method, path))
        if not self._requests:
            return []
        hit = [rule for rule in self._requests if rule.take(method, path, org_id)]
        self._requests = [rule for rule in self._requests if rule.times != 0]
        return [_drawn(rule) for rule in hit]

    def turns_away(self) -> bool:
        """Tell whether a connection that was just accepted is to be reset, and count it as used."""
        for rule in self._others:
            if isinstance(rule.effect, TurnAway) and rule.concerns(None) and self._draw(rule):
                return True
        return False

    def check_row(self, org_id: str, record_id: str | None, sobject: str = "") -> None:
        """Let one row write pass, or refuse it; of several locks that concern it the first decides, delays add up.

        Args:
            org_id: The org of the row.
            record_id: The row's id where the write names one.
            sobject: API name, in any case.

        Raises:
            SalesforceFault: 400 UNABLE_TO_LOCK_ROW, or 400 CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY with it inside.

        """
        if not self._others:
            return
        locked_by: LockRow | None = None
        decided = False
        for rule in list(self._others):
            effect = rule.effect
            if not isinstance(effect, LockRow | SlowRows) or not rule.concerns_rows(org_id, effect.sobject, sobject):
                continue
            if isinstance(effect, SlowRows):
                if self._draw(rule):
                    _slow(rule, effect)
            elif not decided:
                decided = True
                locked_by = effect if self._draw(rule) else None
        if locked_by is not None:
            raise _locked(record_id, in_trigger=locked_by.in_trigger)

    def _draw(self, rule: Rule) -> bool:
        hit = rule.draw()
        if rule.times == 0 and not rule.id:
            self.remove(rule)
        return hit

    def slow_job(self, org_id: str) -> SlowJob:
        """Return how slow a bulk job of an org is that starts now; what several rules say adds up."""
        slow = [rule.effect for rule in self._others if isinstance(rule.effect, SlowJob) and _hits(rule, org_id)]
        return SlowJob(sum(each.wait_seconds for each in slow), sum(each.chunk_seconds for each in slow))

    def locks_parents(self, org_id: str) -> bool:
        """Tell whether writes of an org at the same time may conflict."""
        return bool(self._others) and self._hold_seconds(org_id) is not None

    @asynccontextmanager
    async def transaction(self, org_id: str, clock: Clock) -> AsyncIterator[None]:
        """Let the rows written inside take long and conflict with others, where rules say so.

        See `SlowRows` and `LockParents`. A block that raises does not wait for its rows.

        Args:
            org_id: The org, 18 characters.
            clock: Waits for slow rows, then until the rows are let go of.

        """
        if not self._others:
            yield
            return
        async with self._locks.transaction(clock, lambda: self._hold_seconds(org_id) or 0.0):
            around = surroundings()
            inside = Surroundings(around.method, around.path)
            token = enter(inside)
            try:
                yield
            finally:
                leave(token)
            if inside.delay_seconds:
                await clock.sleep(inside.delay_seconds)

    def hold(self, org_id: str, record_ids: Iterable[str]) -> None:
        """Hold rows for the transaction around the call.

        Args:
            org_id: The org, 18 characters.
            record_ids: A row and its parents, 18 characters each.

        Raises:
            SalesforceFault: 400 UNABLE_TO_LOCK_ROW: another transaction holds one of them.

        """
        held = self._locks.take(org_id, record_ids)
        if held is not None:
            for rule in self._others:
                if isinstance(rule.effect, LockParents) and rule.concerns(org_id):
                    rule.draw()
            raise _locked(held, in_trigger=False)

    def _hold_seconds(self, org_id: str) -> float | None:
        held = [
            rule.effect.hold_seconds
            for rule in self._others
            if isinstance(rule.effect, LockParents) and rule.concerns(org_id)
        ]
        return max(held, default=None)


def _drawn(rule: Rule) -> RequestEffect:
    effect = rule.effect
    if isinstance(effect, UniformDelay | LogNormalDelay):
        return effect.drawn(rule.random)
    if isinstance(effect, Delay | Page | Refuse | Drop | RevokeSessions | QuotaUsedUp):
        return effect
    raise TypeError(f"{effect!r} befalls no requests")


def _hits(rule: Rule, org_id: str) -> bool:
    return rule.concerns(org_id) and rule.draw()


def _slow(rule: Rule, effect: SlowRows) -> None:
    around = surroundings()
    around.delay_seconds += effect.row_seconds
    if rule not in around.slowed_by:
        around.slowed_by.add(rule)
        around.delay_seconds += effect.request_seconds


def _locked(record_id: str | None, *, in_trigger: bool) -> SalesforceFault:
    text = "unable to obtain exclusive access to this record"
    if record_id:
        text += f" or 1 records: {record_id}"
    if not in_trigger:
        return SalesforceFault(400, "UNABLE_TO_LOCK_ROW", text)
    text = f"RecordTrigger: execution of BeforeInsert\n\ncaused by: System.DmlException: UNABLE_TO_LOCK_ROW, {text}"
    return SalesforceFault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)
