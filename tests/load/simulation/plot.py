"""A plot of simulated days as SVG: what is used of the allocation, and how full calls are."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from service.governor.limits import Limits
from tests.load.simulation.tally import Moment

_WIDTH, _HEIGHT = 800, 640
_LEFT, _RIGHT = 70, 780
_COLORS = ("#0b63b0", "#d1600a", "#3c8a3c")
_FONT = 'font-family="sans-serif" font-size="14" fill="#222"'
_TICK_HOURS = 3


@dataclass(frozen=True, slots=True)
class Curve:
    """One day."""

    name: str
    moments: Sequence[Moment]
    maximum: int
    """The org's calls of 24 hours."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where a panel is and what its axis has."""

    top: float
    bottom: float
    title: str
    highest: float
    tick: float
    unit: str = ""

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.highest


def plot(curves: Sequence[Curve], limits: Limits) -> str:
    """Return an SVG of 800 by 640 pixels; there are as many curves as colors at most."""
    hours = max(curve.moments[-1].seconds for curve in curves) / 3600
    full = max((value for curve in curves for _, value in _records_per_call(curve)), default=1.0)
    upper = _Panel(72, 330, "Calls of the last 24 hours, % of the org's maximum", 100, 20, " %")
    lower = _Panel(400, 590, "Records per call, mean of the hour", max(2.0, full * 1.1), max(1, round(full / 4)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_legend(curves),
    ]
    for panel in (upper, lower):
        parts += _axes(panel, hours)
    parts += _stops(upper, limits)
    for curve, color in zip(curves, _COLORS, strict=False):
        used = [(moment.seconds / 3600, 100 * moment.used / curve.maximum) for moment in curve.moments]
        parts.append(_line(upper, used, hours, color))
        parts.append(_line(lower, _records_per_call(curve), hours, color))
    parts.append(f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">Hour of the day</text>')
    return "\n".join([*parts, "</svg>", ""])


def _records_per_call(curve: Curve) -> list[tuple[float, float]]:
    """Return the middle of each hour and the records that a call carried in it."""
    by_hour = [moment for moment in curve.moments if moment.seconds % 3600 == 0]
    return [
        ((before.seconds + after.seconds) / 7200, (after.writes - before.writes) / calls)
        for before, after in itertools.pairwise(by_hour)
        if (calls := after.write_calls - before.write_calls)
    ]


def _legend(curves: Sequence[Curve]) -> list[str]:
    parts = []
    for number, (curve, color) in enumerate(zip(curves, _COLORS, strict=False)):
        x = _LEFT + 250 * number
        parts.append(f'<line x1="{x}" y1="22" x2="{x + 28}" y2="22" stroke="{color}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 36}" y="27">{curve.name}</text>')
    return parts


def _axes(panel: _Panel, hours: float) -> list[str]:
    parts = [f'<text x="{_LEFT}" y="{panel.top - 12}" font-weight="bold">{panel.title}</text>']
    value = 0.0
    while value <= panel.highest:
        y = panel.y(value)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{value:g}{panel.unit}</text>')
        value += panel.tick
    for hour in range(0, int(hours) + 1, _TICK_HOURS):
        x = _x(hour, hours)
        parts.append(f'<line x1="{x:.1f}" y1="{panel.bottom}" x2="{x:.1f}" y2="{panel.bottom + 5}" stroke="#222"/>')
        parts.append(f'<text x="{x:.1f}" y="{panel.bottom + 20}" text-anchor="middle">{hour}</text>')
    parts.append(
        f'<path d="M{_LEFT},{panel.top}V{panel.bottom}H{_RIGHT}" fill="none" stroke="#222" stroke-width="1.2"/>'
    )
    return parts


def _stops(panel: _Panel, limits: Limits) -> list[str]:
    parts = []
    for name, share in zip(("INTERACTIVE", "STANDARD", "BATCH"), limits.stop_at(), strict=True):
        y = panel.y(100 * share)
        parts.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}" stroke="#888" stroke-dasharray="6 4"/>'
        )
        parts.append(
            f'<text x="{_LEFT + 6}" y="{y + 13:.1f}" font-size="12" fill="#555">{name} stops at {share:.0%}</text>'
        )
    return parts


def _line(panel: _Panel, points: Sequence[tuple[float, float]], hours: float, color: str) -> str:
    path = " ".join(f"{_x(hour, hours):.1f},{panel.y(value):.1f}" for hour, value in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5" stroke-linejoin="round"/>'


def _x(hour: float, hours: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * hour / hours
