"""What the demo finds out: steps with their figures, and claims that hold or do not."""

from dataclasses import dataclass, field

_LONGEST_DETAIL = 120


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must be so, and whether it is."""

    claim: str
    holds: bool
    detail: str
    """What was found instead; empty when it holds."""


@dataclass(slots=True)
class Step:
    """One step and its figures."""

    name: str
    records: int | None = None
    """Records written or read; None where there are none."""
    refused: int | None = None
    """Records that the org refused; None where none are written."""
    seconds: float = 0.0
    api_calls: int = 0
    """Salesforce API calls that it cost."""


@dataclass(slots=True)
class Findings:
    """Everything found so far."""

    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def check(self, claim: str, expected: object, found: object) -> None:
        """Note whether what was found is what is expected."""
        holds = expected == found
        detail = "" if holds else f"expected {_short(expected)}, found {_short(found)}"
        self.checks.append(Check(claim, holds=holds, detail=detail))

    @property
    def broken(self) -> list[Check]:
        """The checks that do not hold."""
        return [check for check in self.checks if not check.holds]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 1]}…"
