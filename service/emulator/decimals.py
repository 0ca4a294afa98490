"""Decimal numbers without loss: Salesforce's 18 digits, stored as whole numbers of a field's smallest unit.

`12.5` in a field of scale 2 is stored as 1250, which SQLite compares, sorts and sums exactly; a float would lose digits
behind the fifteenth.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

DIGITS = 18
"""All digits of a number. Source: Salesforce Help, "Custom Field Types", Number."""

LARGEST = 2**63 - 1
"""What SQLite holds in a whole number, well above any stored number."""

_LONGEST = 27
_BEYOND = 10**30
"""Stands for every number that no field can hold, so that a huge one costs nothing before it is refused."""
_FLOAT = 10**15
"""Below it a float gives a number back digit for digit."""


def scaled(number: Decimal | int, scale: int) -> int:
    """Return a number in units of a scale, halves rounded away from zero.

    Args:
        number: Finite. One beyond any field becomes one that is still beyond, with its sign.
        scale: Digits behind the point that are kept.

    """
    if isinstance(number, int):
        return max(-_BEYOND, min(number, _BEYOND)) * _unit(scale)
    if number.adjusted() + scale >= _LONGEST:
        return -_BEYOND if number < 0 else _BEYOND
    return int(number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP).scaleb(scale))


def unscaled(stored: int, scale: int) -> Decimal:
    """Return the number that is stored in units of a scale."""
    return Decimal(stored).scaleb(-scale)


def shown(scale: int) -> Callable[[float], float | Decimal]:
    """Return what makes stored numbers JSON: a float where it holds every digit, else a decimal.

    Args:
        scale: Digits behind the point of what is stored; sums too large for whole numbers come as floats.

    """
    unit = _unit(scale)

    def render(stored: float) -> float | Decimal:
        return stored / unit if -_FLOAT < stored < _FLOAT else _exactly(int(stored), scale)

    return render


def _unit(scale: int) -> int:
    return int(10**scale)


def _exactly(stored: int, scale: int) -> float | Decimal:
    # Salesforce writes one digit behind the point at least, and none that says nothing.
    digits, places = (stored, scale) if scale else (stored * 10, 1)
    while places > 1 and digits % 10 == 0:
        digits, places = digits // 10, places - 1
    return digits / _unit(places) if -_FLOAT < digits < _FLOAT else Decimal(digits).scaleb(-places)
