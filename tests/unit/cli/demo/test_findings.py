"""The demo's verdict follows from its checks, and reads well wherever it is printed."""

import io

import pytest
from rich.console import Console

from service.cli.demo.findings import Findings, Step
from service.cli.demo.summary import print_summary


def printed(findings: Findings, width: int) -> str:
    """Print a summary."""
    file = io.StringIO()
    print_summary(Console(file=file, width=width, highlight=False), findings)
    return file.getvalue()


@pytest.fixture
def findings() -> Findings:
    """Two steps and a check that holds."""
    made = Findings([Step("Upsert", 988, 12, 1.5, 21), Step("Bulk load", 49_980, 20, 9.25, 30)])
    made.check("all is there", 5, 5)
    return made


def test_checks_hold(findings):
    """When every check holds, that is said and nothing is broken."""
    text = printed(findings, 80)

    assert findings.broken == []
    assert "✓ all is there" in text
    assert "All 1 checks hold." in text


def test_checks_fail(findings):
    """A check that fails says what was expected and what was found instead."""
    findings.check("rows are equal", {"a"}, set())

    text = printed(findings, 80)

    assert [check.claim for check in findings.broken] == ["rows are equal"]
    assert "✗ rows are equal" in text
    assert "expected {'a'}, found set()" in text
    assert "1 of 2 checks failed." in text


def test_long_details_are_cut(findings):
    """What was found is cut where it would fill the screen."""
    findings.check("rows are equal", 0, list(range(1000)))

    assert len(findings.broken[0].detail) < 200


def test_totals(findings):
    """The last line of the table adds the steps up."""
    text = printed(findings, 80)

    assert next(line for line in text.splitlines() if " all " in line).split() == ["all", "50,968", "32", "10.75", "51"]


@pytest.mark.parametrize("width", [80, 120])
def test_plain_text(findings, width):
    """Without a terminal there are no control codes, and no line is wider than the screen."""
    text = printed(findings, width)

    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= width
