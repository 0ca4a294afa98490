"""One scripted fault: its effect, what it befalls and how often it still will."""

import re
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from random import Random

from service.emulator.effects import Effect

_ANYTHING = re.compile("")
_ANY_METHOD = re.compile(".*")


@dataclass(eq=False, slots=True)
class Surroundings:
    """The request that rows are being written for, and what it is to wait for them."""

    method: str = ""
    """Empty outside of a request."""
    path: str = ""
    delay_seconds: float = 0.0
    slowed_by: "set[Rule]" = field(default_factory=set)


_current: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)
_NOWHERE = Surroundings()


def surroundings() -> Surroundings:
    """Return those of the running task: rows themselves know nothing of HTTP."""
    return _current.get() or _NOWHERE


def enter(inside: Surroundings) -> "Token[Surroundings | None]":
    """Make surroundings those of the running task; return what `leave` takes."""
    return _current.set(inside)


def leave(token: "Token[Surroundings | None]") -> None:
    """Return to the surroundings before."""
    _current.reset(token)


@dataclass(eq=False, slots=True)
class Rule:
    """One effect, what it befalls and how often it still will."""

    effect: Effect
    method: re.Pattern[str] = _ANY_METHOD
    path: re.Pattern[str] = _ANYTHING
    org_id: str | None = None
    """Only what carries a token of this org; None for all."""
    skip: int = 0
    """Matches that still pass unharmed."""
    times: int | None = None
    """Matches that will still be hit; None for all to come."""
    probability: float = 1.0
    """Of a match that is not skipped to be hit."""
    id: str = ""
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - has to be repeatable, not secret
    source: Mapping[str, object] | None = None
    """What it was read from."""
    matched: int = 0
    hits: int = 0

    def take(self, method: str, path: str, org_id: str | None) -> bool:
        """Tell whether a request is hit, and count it when it matches."""
        return self.concerns(org_id) and self._fits(method, path) and self.draw()

    def concerns(self, org_id: str | None) -> bool:
        """Tell whether the rule has hits left for an org."""
        return self.times != 0 and self.org_id in {None, org_id}

    def concerns_rows(self, org_id: str, sobject: str | None, written: str) -> bool:
        """Tell whether the rule has hits left for rows of the request around the call.

        Args:
            org_id: The org of the rows, 18 characters.
            sobject: The object the effect is for; None for every object.
            written: The object of the rows; both compare without case.

        """
        if not self.concerns(org_id) or (sobject is not None and sobject.lower() != written.lower()):
            return False
        around = surroundings()
        return self._fits(around.method, around.path)

    def draw(self) -> bool:
        """Count a match, and tell whether it is hit."""
        self.matched += 1
        if self.skip > 0:
            self.skip -= 1
            return False
        # Drawn for every match, so that what is hit depends on the seed and the order of matches alone.
        if self.probability < 1.0 and self.random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True

    def _fits(self, method: str, path: str) -> bool:
        return self.method.fullmatch(method) is not None and self.path.search(path) is not None
