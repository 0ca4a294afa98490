"""The price of a call: how long calls that are not full are held back so that fewer leave."""

import math

BEGINS_AT = 0.8
"""Pressure from which calls have a price."""
DEAREST_AT = 1.0
"""Pressure from which it is the highest: all that holding back can do is done before anyone is refused."""
FALL_SECONDS = 120.0
"""The price falls to 1/e in this time once the pressure is gone; it rises at once."""


def price_of(pressure: float) -> float:
    """Return the price of a call as a share of the highest, from 0 to 1.

    Args:
        pressure: The share of what may be used that will be used, by the forecast; above 1 it will not do.

    """
    return min(1.0, max(0.0, (pressure - BEGINS_AT) / (DEAREST_AT - BEGINS_AT)))


class Price:
    """The price over time: it rises with the pressure and falls slowly, so that it does not swing.

    Args:
        highest: The highest price, in seconds of holding back.

    """

    def __init__(self, highest: float) -> None:
        self._highest = highest
        self._seconds = 0.0
        self._at = -math.inf

    def update(self, pressure: float, now: float) -> float:
        """Take note of the pressure and return the price, in seconds.

        Args:
            pressure: See `price_of`.
            now: Seconds of a clock that never goes back.

        """
        target = self._highest * price_of(pressure)
        faded = self._seconds * math.exp((self._at - now) / FALL_SECONDS)
        self._seconds = max(target, faded)
        self._at = now
        return self._seconds
