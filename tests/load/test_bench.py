"""What `bench.json` holds, measured with the smallest numbers that run every figure."""

import asyncio
import io
import json

import pytest
from rich.console import Console

from tests.load.bench import Plan, measure, table, write
from tests.load.calls import Rounds
from tests.load.figure import Figure

NAMES = [
    "upsert_unary_vs_echo",
    "upsert_calls_per_1000",
    "resolve_vs_echo",
    "query_rows_vs_simple_salesforce",
    "bulk_rows_per_second",
    "emulator_start_s",
    "emulator_new_org_ms",
    "emulator_upsert_rows_per_s",
    "emulator_query_rows_per_s",
    "emulator_bulk_rows_per_s",
]
SMALLEST = Plan(
    rounds=Rounds(count=1, seconds=0.1),
    in_flight=(4,),
    query_rounds=1,
    query_rows=4000,
    load_rounds=1,
    load_rows=600,
    emulator_rounds=1,
    emulator_rows=600,
)


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    """Every figure, measured once."""

    async def collect() -> list[Figure]:
        return [figure async for figure in measure(SMALLEST)]

    return asyncio.run(collect())


def test_the_file_has_every_figure_in_its_shape(figures: list[Figure], tmp_path):
    """`bench.json` is a list of name, value, unit and detail, in a fixed order."""
    path = tmp_path / "bench.json"

    write(figures, path)

    found = json.loads(path.read_text(encoding="utf-8"))
    assert NAMES == [figure["name"] for figure in found]
    assert [["name", "value", "unit", "detail"]] * len(NAMES) == [list(figure) for figure in found]
    assert all(figure["value"] > 0 and figure["unit"] for figure in found)


def test_every_figure_says_what_dominates(figures: list[Figure]):
    """A figure without the reason for it helps nobody."""
    found = {figure.name: figure.detail["dominates"] for figure in figures}

    assert all(isinstance(text, str) and text for text in found.values()), found


def test_a_ratio_is_of_the_sides_in_its_detail(figures: list[Figure]):
    """With one round of each side, value is the one rate over the other."""
    (figure,) = (figure for figure in figures if figure.name == "resolve_vs_echo")

    sides = [figure.detail[side]["calls_per_second"] for side in ("service", "echo")]

    assert pytest.approx(sides[0] / sides[1], rel=0.02) == figure.value


def test_the_table_shows_every_figure(figures: list[Figure]):
    """A person reads all of it in a terminal of 120 columns."""
    shown = io.StringIO()

    Console(file=shown, width=120).print(table(figures))

    assert all(name in shown.getvalue() for name in NAMES)
