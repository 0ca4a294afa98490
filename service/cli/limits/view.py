"""An org's limits as a person reads them: what is left, who uses it, who is refused."""

import math
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sluicegate import CallerShare, Governor, Limit, OrgLimits

_MOST_CALLERS = 20
_MOST_LIMITS = 20
_BAR_WIDTH = 12
_USAGE_WIDTH = 32
_COUNT_WIDTH = 8
_WARNING = 0.8
"""Share of a bound from which its bar is yellow; at the bound it is red."""
_MOMENT, _MINUTE, _HOUR = 0.1, 60, 3600


def view(limits: OrgLimits) -> RenderableType:
    """Return what to print.

    Args:
        limits: How things stand.

    """
    governor = limits.governor
    parts: list[RenderableType] = [_head(limits), _facts(governor), _classes(governor)]
    if governor.callers:
        parts.append(_callers(governor))
    if limits.limits:
        parts.append(_limits(limits.limits))
    return Group(*parts)


def _head(limits: OrgLimits) -> RenderableType:
    head = Table.grid(expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right")
    head.add_row(
        Text(f"Limits of {_plain(limits.org)}", style="bold"), Text(f"{limits.observe_time:%Y-%m-%d %H:%M:%S} UTC")
    )
    return head


def _facts(governor: Governor) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, value in _told(governor):
        facts.add_row(name, value)
    return facts


def _told(governor: Governor) -> Iterator[tuple[str, RenderableType]]:
    usage = governor.usage
    if usage is None:
        yield "API calls, 24 h", Text("not known yet; --ask-salesforce asks, by one call")
    else:
        yield "API calls, 24 h", _usage(usage.used, usage.maximum)
    others = f"; others use {_rate(governor.others_per_second)}" if governor.others_per_second else ""
    if governor.own_maximum is None:
        yield "by this service", Text(f"{_count(governor.own_calls)}{others}")
    else:
        yield "by this service", _usage(governor.own_calls, governor.own_maximum, others)
    if governor.exhausted_in_seconds is not None:
        seconds = governor.exhausted_in_seconds
        when = f"in {_span(seconds)} at this rate" if seconds >= _MOMENT else "now"
        yield "used up", Text(when, style="yellow")
    if governor.hold_seconds:
        held = "would be held back" if governor.shadow else "are held back"
        yield "price of a call", Text(f"calls that are not full {held} {_span(governor.hold_seconds)}")
    if governor.closed_seconds:
        yield "closed", Text(_closed(governor), style="bold red")
    if governor.out_of_order_seconds is not None:
        yield "out of order", Text(_out_of_order(governor.out_of_order_seconds), style="bold red")
    if governor.login_out_of_order_seconds is not None:
        yield "no logins", Text(_out_of_order(governor.login_out_of_order_seconds), style="bold red")
    yield "open requests", Text(_open_requests(governor))
    if governor.shadow:
        yield "shadow mode", Text("nobody is refused: counted is who would be", style="yellow")
    if governor.degraded:
        yield "degraded", Text("the shared store is away; this replica keeps to its safe share", style="yellow")


def _usage(used: float, maximum: float, more: str = "") -> RenderableType:
    line = Table.grid(padding=(0, 2))
    told = f"{_count(used)} of {_count(maximum)} used, {_percent(used, maximum)}{more}"
    line.add_row(_bar(used, maximum, width=_USAGE_WIDTH), Text(told))
    return line


def _closed(governor: Governor) -> str:
    usage = governor.usage
    refused = f"for {_span(governor.closed_seconds)}: Salesforce refused"
    if usage is None:
        return refused
    if usage.used >= usage.maximum:
        return f"{refused}, calls are used up; then one asks"
    return f"{refused}, it is overloaded; calls wait"


def _out_of_order(seconds: float) -> str:
    return f"for {_span(seconds)}: answers outages only, and is asked again every few seconds"


def _open_requests(governor: Governor) -> str:
    most = "" if governor.concurrency_limit is None else f" of {_count(governor.concurrency_limit)}"
    return (
        f"{_count(governor.in_flight)}{most}, {_count(governor.waiting)} waiting, "
        f"{_count(governor.long_running)} long-running"
    )


def _classes(governor: Governor) -> RenderableType:
    table = _table("Class", "Calls", "Stops at", "", "Waiting", "Refused")
    used: float | None = governor.own_calls
    if governor.own_maximum is None:
        used = None if governor.usage is None else governor.usage.used
    for name, share in governor.classes.items():
        stop = share.stops_at_calls
        bar: RenderableType = Text()
        if stop is not None and used is not None:
            bar = _near(used, stop, shadow=governor.shadow)
        table.add_row(
            Text(_plain(name)),
            _count(share.used_calls),
            "" if stop is None else _count(stop),
            bar,
            _count(share.waiting),
            _refused(share.refused),
        )
    return table


def _callers(governor: Governor) -> RenderableType:
    shown = list(governor.callers.items())[:_MOST_CALLERS]
    table = _table("Caller", "Calls", "At most", "", "Waiting", "Refused")
    for name, share in shown:
        table.add_row(*_caller(name, share, shadow=governor.shadow))
    left_out = len(governor.callers) - len(shown) + governor.more_callers
    if left_out:
        table.add_row(Text(f"and {_count(left_out)} more", style="dim"))
    return table


def _caller(name: str, share: CallerShare, *, shadow: bool) -> Sequence[RenderableType]:
    most = share.maximum_calls
    return (
        Text(_plain(name)) if name else Text("(no name)", style="dim"),
        _count(share.used_calls),
        "" if most is None else _count(most),
        Text() if most is None else _near(share.used_calls, most, shadow=shadow),
        _count(share.waiting),
        _refused(share.refused),
    )


def _limits(limits: Mapping[str, Limit]) -> RenderableType:
    """Return Salesforce's limits of which something is used, those that are nearest to their ends first."""
    used = [(name, limit) for name, limit in limits.items() if limit.used > 0]
    used.sort(key=lambda item: (-item[1].used / max(1, item[1].maximum), item[0]))
    table = _table("Limit of Salesforce", "Used", "At most", "")
    for name, limit in used[:_MOST_LIMITS]:
        table.add_row(Text(_plain(name)), _count(limit.used), _count(limit.maximum), _bar(limit.used, limit.maximum))
    left_out = len(limits) - min(len(used), _MOST_LIMITS)
    if left_out:
        table.add_row(Text(f"and {_count(left_out)} less used", style="dim"))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1))
    table.add_column(first, ratio=1, overflow="ellipsis", no_wrap=True)
    for name in others:
        # The same widths in all tables, so that bars stand below bars.
        least = _BAR_WIDTH if not name else _COUNT_WIDTH
        table.add_column(name, justify="right" if name else "left", min_width=least, no_wrap=True)
    return table


def _near(used: float, bound: float, *, shadow: bool) -> RenderableType:
    """Return how near a bound is: a bar, or that nothing goes any more, or would not if it were not for shadow mode."""
    if used < bound:
        return _bar(used, bound)
    return Text("over", style="yellow") if shadow else Text("stopped", style="bold red")


def _bar(used: float, maximum: float, *, width: int = _BAR_WIDTH) -> RenderableType:
    share = used / maximum if maximum > 0 else 1.0
    style = "red" if share >= 1 else "yellow" if share >= _WARNING else "green"
    return ProgressBar(total=1.0, completed=share, width=width, complete_style=style, finished_style=style)


def _refused(count: int) -> RenderableType:
    return Text(_count(count), style="red" if count else "")


def _percent(used: float, maximum: float) -> str:
    share = used / maximum if maximum > 0 else 1.0
    return "<1%" if 0 < share < 0.01 else f"{math.floor(share * 100)}%"  # noqa: PLR2004 - a whole one is not reached


def _count(number: float) -> str:
    """Write a count; part of a call is told where a call matters."""
    is_whole = number == int(number)
    return f"{number:,.0f}" if is_whole or number >= 100 else f"{number:,.1f}"  # noqa: PLR2004


def _rate(per_second: float) -> str:
    return f"{per_second:,.1f} a second" if per_second >= 1 else f"{_count(round(per_second * _HOUR))} an hour"


def _span(seconds: float) -> str:
    if seconds < 10:  # noqa: PLR2004 - below, tenths matter
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} min" if seconds < 2 * _HOUR else f"{minutes // 60} h {minutes % 60} min"


def _plain(text: str) -> str:
    """Return a text of the service's without what would move the terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
