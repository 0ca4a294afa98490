"""`sluicegate limits`, as far as it comes without a service."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console
from sluicegate import ApiUsage, CallerShare, ClassShare, Governor, Limit, OrgLimits
from typer.testing import CliRunner

from service.cli import application
from service.cli.limits.view import view

CALM = Governor(
    usage=ApiUsage(1000, 100_000),
    own_calls=700,
    others_per_second=0,
    exhausted_in_seconds=None,
    hold_seconds=0,
    closed_seconds=0,
    classes={
        "interactive": ClassShare(100, 97_000, 0, 0),
        "standard": ClassShare(600.4, 85_000, 0, 0),
        "batch": ClassShare(0, 70_000, 0, 0),
    },
    callers={},
    more_callers=0,
    in_flight=2,
    concurrency_limit=16,
    waiting=0,
    long_running=0,
    permits=700,
    shadow=False,
    degraded=False,
)
LIMITS = OrgLimits("prod", Limit(100_000, 99_000), {}, datetime(2026, 3, 1, 12, tzinfo=UTC), CALM)


def printed(limits: OrgLimits, *, width: int = 80) -> str:
    """Print limits as on a terminal without colours."""
    paper = io.StringIO()
    Console(file=paper, width=width, no_color=True, _environ={}).print(view(limits))
    return paper.getvalue()


def row(limits: OrgLimits, first: str, *, width: int = 80) -> list[str]:
    """Return the words of the line that begins with a text."""
    [line] = [line for line in printed(limits, width=width).splitlines() if line.strip().startswith(first)]
    return line.strip().removeprefix(first).split()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "http://127.0.0.1:1"], "the target must be host:port"),
        (["--interval", "0.5"], "'--interval'"),
        (["--interval", "61"], "'--interval'"),
        (["--output", "yaml"], "'--output'"),
        (["--timeout", "0"], "'--timeout'"),
    ],
)
def test_mistakes(arguments, told):
    """What cannot be asked is told with status 2, which no failed call has."""
    result = CliRunner().invoke(application(), ["limits", *arguments])

    assert (2, "") == (result.exit_code, result.stdout)
    assert told in result.stderr


def test_a_calm_org_is_told_in_few_lines():
    """Nothing is said of what does not matter now."""
    text = printed(LIMITS)

    assert "Limits of prod" in text
    assert "2026-03-01 12:00:00 UTC" in text
    assert "1,000 of 100,000 used, 1%" in text
    assert "2 of 16, 0 waiting, 0 long-running" in text
    assert not [
        word
        for word in ("used up", "price", "closed", "order", "logins", "shadow", "degraded", "Caller")
        if word in text
    ]


def test_everything_that_matters_is_told():
    """Each warning stands in a line of its own, with its figure."""
    governor = replace(
        CALM,
        others_per_second=0.31,
        exhausted_in_seconds=18_720,
        hold_seconds=1.25,
        closed_seconds=42,
        waiting=15,
        long_running=3,
        shadow=True,
        degraded=True,
        out_of_order_seconds=95.4,
        login_out_of_order_seconds=0.0,
    )

    text = printed(replace(LIMITS, governor=governor))

    for told in (
        "700; others use 1,116 an hour",
        "in 5 h 12 min at this rate",
        "would be held back 1.2 s",
        "for 42 s: Salesforce refused, it is overloaded; calls wait",
        "out of order     for 95 s: answers outages only",
        "no logins        for 0.0 s: answers outages only",
        "2 of 16, 15 waiting, 3 long-running",
        "nobody is refused: counted is who would be",
        "the shared store is away",
    ):
        assert told in text


def test_a_class_that_is_refused_is_stopped():
    """What counts is the org's usage by all of its clients, not what the class used."""
    governor = replace(
        CALM,
        usage=ApiUsage(70_000, 100_000),
        classes={**CALM.classes, "batch": ClassShare(5, 70_000, 12, 482)},
    )
    limits = replace(LIMITS, governor=governor)

    assert ["5", "70,000", "stopped", "12", "482"] == row(limits, "batch")
    assert "stopped" not in row(limits, "standard")


def test_the_services_own_bound_stops_classes_by_its_own_calls():
    """Where it is nearer, others' usage of the org says nothing of who is refused."""
    governor = replace(
        CALM,
        usage=ApiUsage(60_000, 100_000),
        own_calls=29,
        own_maximum=40,
        classes={"standard": ClassShare(1, 34, 0, 0), "batch": ClassShare(28, 28, 0, 3)},
    )
    limits = replace(LIMITS, governor=governor)

    assert "29 of 40 used, 72%" in printed(limits)
    assert ["28", "28", "stopped", "0", "3"] == row(limits, "batch")
    assert "stopped" not in row(limits, "standard")


def test_in_shadow_mode_nobody_is_stopped():
    """Whoever is beyond a bound goes on all the same."""
    governor = replace(
        CALM,
        usage=ApiUsage(70_000, 100_000),
        classes={"batch": ClassShare(5, 70_000, 0, 482)},
        callers={"web": CallerShare(7, 3, 0, 4)},
        shadow=True,
    )
    limits = replace(LIMITS, governor=governor)

    assert ["5", "70,000", "over", "0", "482"] == row(limits, "batch")
    assert ["7", "3", "over", "0", "4"] == row(limits, "web")


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (None, "for 42 s: Salesforce refused\n"),
        (ApiUsage(100_000, 100_000), "for 42 s: Salesforce refused, calls are used up; then one asks\n"),
    ],
)
def test_it_is_told_why_nothing_goes(usage, told):
    """A pause of seconds and the end of the day's calls are not the same news."""
    governor = replace(CALM, usage=usage, closed_seconds=42, exhausted_in_seconds=0.01)

    text = "\n".join(line.rstrip() for line in printed(replace(LIMITS, governor=governor)).splitlines())

    assert told in text
    assert "used up          now\n" in text


def test_callers_are_told_with_their_bounds():
    """A caller without a bound has no bar, one at its bound is stopped, and one without a name says so."""
    callers = {
        "billing": CallerShare(30_112.7, None, 0, 0),
        "nightly": CallerShare(20_000, 20_000, 0, 7),
        "": CallerShare(12.34, None, 1, 0),
    }
    limits = replace(LIMITS, governor=replace(CALM, callers=callers, more_callers=3))

    assert ["30,113", "0", "0"] == row(limits, "billing")
    assert ["20,000", "20,000", "stopped", "0", "7"] == row(limits, "nightly")
    assert ["12.3", "1", "0"] == row(limits, "(no name)")
    assert "and 3 more" in printed(limits)


def test_few_of_many_callers_are_shown():
    """The screen is not filled by those who use least; they are counted."""
    callers = {f"caller-{number}": CallerShare(100 - number, None, 0, 0) for number in range(50)}

    text = printed(replace(LIMITS, governor=replace(CALM, callers=callers, more_callers=4)))

    assert "caller-19 " in text
    assert "caller-20 " not in text
    assert "and 34 more" in text


def test_what_is_not_known_is_not_made_up():
    """Before Salesforce answered, there is no share of a limit, but how to learn of it."""
    classes = {"batch": ClassShare(0, None, 0, 0)}
    limits = replace(LIMITS, governor=replace(CALM, usage=None, classes=classes, concurrency_limit=None))

    assert "not known yet; --ask-salesforce asks, by one call" in printed(limits)
    assert "2, 0 waiting" in printed(limits)
    assert ["0", "0", "0"] == row(limits, "batch")


def test_the_limits_that_are_nearest_come_first():
    """Of Salesforce's limits, those that nobody uses are only counted; a limit of nothing is no mistake."""
    told = {"A": Limit(100, 99), "B": Limit(100, 10), "C": Limit(100, 100), "D": Limit(0, 0), "E": Limit(0, -1)}

    text = printed(replace(LIMITS, limits=told))

    names = [line.split()[0] for line in text.splitlines() if line[1:3] in {f"{name} " for name in told}]
    assert ["E", "B", "A"] == names
    assert "and 2 less used" in text


@pytest.mark.parametrize(
    ("used", "maximum", "told"),
    [(0, 100, "0%"), (1, 1000, "<1%"), (999, 1000, "99%"), (1000, 1000, "100%"), (1300, 1000, "130%"), (0, 0, "100%")],
)
def test_no_share_is_rounded_up(used, maximum, told):
    """100% means that nothing is left, and 0% that nothing is used."""
    assert f"used, {told}" in printed(replace(LIMITS, governor=replace(CALM, usage=ApiUsage(used, maximum))))


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    """A long name is cut where it must be, and no figure is."""
    name = "a-caller-with-a-name-as-long-as-one-can-be-and-still-be-taken-63"
    callers = {name: CallerShare(12_345_678, 23_456_789, 1_000, 123_456)}
    limits = replace(LIMITS, governor=replace(CALM, callers=callers))

    assert max(len(line) for line in printed(limits, width=width).splitlines()) <= width
    assert {"12,345,678", "23,456,789", "1,000", "123,456"} <= set(row(limits, "a-call", width=width))


def test_a_name_does_not_move_the_cursor():
    """What a service sends is shown, not obeyed: neither by the terminal nor by the layout."""
    callers = {"\x1b[2Jgone": CallerShare(1, None, 0, 0), "[red]x[/red]": CallerShare(1, None, 0, 0)}

    text = printed(replace(LIMITS, governor=replace(CALM, callers=callers)), width=120)

    assert "\x1b" not in text
    assert "?[2Jgone" in text
    assert "[red]x[/red]" in text
