"""What `bench.json` holds, measured with the smallest numbers that run every figure."""

import asyncio
import io
import json
import os
import shutil

import pytest
from rich.console import Console

from tests.load.bench import Plan, measure, table, write
from tests.load.calls import Rounds
from tests.load.figure import Figure
from tests.load.jsforce import against_jsforce, missing
from tests.load.processes import Server

NAMES = [
    "upsert_unary_vs_echo",
    "upsert_calls_per_1000",
    "upsert_vs_simple_salesforce_10_threads",
    "upsert_idle_added_latency_ms",
    "apply_records_rows_per_s",
    "resolve_vs_echo",
    "link_sign_us",
    "link_check_us",
    "query_rows_vs_simple_salesforce",
    "query_rows_vs_jsforce",
    "query_server_rows_vs_parse_floor",
    "query_first_row_vs_page",
    "query_rss_growth_mib",
    "upsert_rss_at_10000_waiting_mib",
    "bulk_rows_per_second",
    "bulk_load_vs_raw_put",
    "bulk_load_rss_growth_mib",
    "bulk_load_vs_simple_salesforce",
    "governor_acquire_us",
    "governor_valkey_round_trips_per_1000_calls",
    "governor_spent_vs_budget",
    "emulator_start_s",
    "emulator_new_org_ms",
    "emulator_upsert_rows_per_s",
    "emulator_query_rows_per_s",
    "emulator_bulk_rows_per_s",
    "governor_fairness_p99_ratio",
    "governor_storm_attempts_ratio",
    "governor_goodput_at_10x",
]
SMALLEST = Plan(
    rounds=Rounds(count=1, seconds=0.1),
    in_flight=(4,),
    callers=20,
    upserts_each=2,
    peer_rounds=Rounds(count=1, seconds=0.3),
    idle_calls=10,
    apply_rounds=Rounds(count=1, seconds=0.2),
    apply_rows=50,
    waiting=100,
    link_times=2,
    query_rounds=1,
    query_rows=4000,
    jsforce_rounds=1,
    parse_rounds=1,
    parse_rows=4000,
    first_row_rounds=1,
    page_latency_ms=50.0,
    large_query_rows=100_000,
    load_rounds=1,
    load_rows=600,
    bulk_bytes=1_000_000,
    bulk_rounds=1,
    bulk_rows=1_000,
    governor_times=2,
    governor_seconds=0.2,
    governor_bound=60,
    emulator_rounds=1,
    emulator_rows=600,
    fairness_seconds=0.5,
    storm_seconds=5,
    storm_calls_per_second=4,
    overload_seconds=0.5,
    calm_seconds=0.2,
)


pytestmark = pytest.mark.timeout(360)
"""Thirty figures, each with processes of its own, are measured within the first test."""


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
    assert all(figure["unit"] for figure in found)
    unmeasured = {"query_rows_vs_jsforce"} if missing() and "CI" not in os.environ else set()
    assert unmeasured == {figure["name"] for figure in found if not figure["value"]}


def test_every_figure_says_what_dominates(figures: list[Figure]):
    """A figure without the reason for it helps nobody."""
    found = {figure.name: figure.detail["dominates"] for figure in figures}

    assert all(isinstance(text, str) and text for text in found.values()), found


def test_a_ratio_is_of_the_sides_in_its_detail(figures: list[Figure]):
    """With one round of each side, value is the one rate over the other."""
    figure = _named(figures, "resolve_vs_echo")

    sides = [figure.detail[side]["calls_per_second"] for side in ("service", "echo")]

    assert pytest.approx(sides[0] / sides[1], rel=0.02) == figure.value


def test_what_depends_on_the_machine_has_its_measure_beside_it(figures: list[Figure]):
    """One processor for all has all for all beside it, and a rate that a slow machine lowers has that of an echo."""
    idle = _named(figures, "upsert_idle_added_latency_ms")
    peer = _named(figures, "upsert_vs_simple_salesforce_10_threads").detail

    spread = idle.detail["all_processors_for_all"]
    added = idle.detail["service_ms"]["p50"] - idle.detail["direct_patch_ms"]["p50"]
    assert pytest.approx(added, rel=0.3) == idle.value
    assert spread["added_ms"] != idle.value
    theirs = peer["simple_salesforce"]["records_per_second"]
    assert pytest.approx(peer["echo"]["calls_per_second"] / theirs, rel=0.02) == peer["echo"]["vs_simple_salesforce"]


def test_what_cannot_be_measured_says_why(figures: list[Figure], monkeypatch: pytest.MonkeyPatch):
    """A figure without a value stays in its place, in the file as in the table."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    server = Server(0, {})
    shown = io.StringIO()

    figure = asyncio.run(against_jsforce(server, server, 1, 2000))
    Console(file=shown, width=120).print(table([figure, *figures]))

    assert figure.value is None
    assert figure.detail["dominates"] == "not measured: Node.js is not on this machine"
    assert "not measured: Node.js" in shown.getvalue()


def test_the_server_side_of_a_query_is_more_than_its_floor(figures: list[Figure]):
    """Decoding is a part of what the service does with a page."""
    spent = _named(figures, "query_server_rows_vs_parse_floor").detail["cpu_microseconds_per_row"]

    assert spent["typed"] < spent["service"]


def test_a_large_result_is_watched_on_both_sides(figures: list[Figure]):
    """The figure is the greater growth of the two."""
    figure = _named(figures, "query_rss_growth_mib")

    grown = [figure.detail[side]["growth_mib"] for side in ("service", "client")]

    assert max(grown) == figure.value
    assert figure.detail["rows"] == 100_000


def test_a_burst_is_counted_apart_from_what_is_sustained(figures: list[Figure]):
    """Every upsert is counted once, in a call of one kind and one size."""
    detail = _named(figures, "upsert_calls_per_1000").detail

    for name, records in (("sustained", 40), ("burst", 20)):
        found = detail[name]
        assert records == found["records"]
        assert sum(found["calls"].values()) == sum(found["rows_per_call"].values())
        assert pytest.approx(1000 * sum(found["calls"].values()) / records) == found["calls_per_1000"]


def test_the_off_side_of_a_storm_makes_more_attempts(figures: list[Figure]):
    """The model org is asked once or more for each call where nothing keeps retries down, and less where it is."""
    figure = _named(figures, "governor_storm_attempts_ratio")

    assert figure.detail["on"]["attempts_ratio"] == figure.value
    assert figure.detail["on"]["attempts"] < figure.detail["off"]["attempts"]


def test_fairness_and_goodput_have_the_mitigation_off_beside_on(figures: list[Figure]):
    """A figure of the governor is worth what the same without it shows."""
    fairness = _named(figures, "governor_fairness_p99_ratio").detail
    goodput = _named(figures, "governor_goodput_at_10x").detail

    for load in ("reads", "updates"):
        assert {"alone", "beside", "beside_by_one_name", "greedy"} <= set(fairness[load])
        assert 0 <= fairness[load]["others_success_share"] <= 1
    for side in ("patient", "impatient", "impatient_in_shadow_mode"):
        assert {"goodput", "recovered_after_seconds", "calls_to_the_org"} <= set(goodput[side])


def test_the_table_shows_every_figure(figures: list[Figure]):
    """A person reads all of it in a terminal of 120 columns."""
    shown = io.StringIO()

    Console(file=shown, width=120).print(table(figures))

    assert all(name in shown.getvalue() for name in NAMES)


def _named(figures: list[Figure], name: str) -> Figure:
    (found,) = (figure for figure in figures if figure.name == name)
    return found
