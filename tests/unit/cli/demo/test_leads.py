"""The demo's data is what the demo says it is."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli.demo.leads import KEY, BulkPlan, Lead, read_leads


@pytest.fixture(scope="module")
def leads() -> list[Lead]:
    """The file."""
    return read_leads()


async def written(plan: BulkPlan) -> list[dict[str, str]]:
    """Read a plan's CSV back."""
    text = b"".join([chunk async for chunk in plan.csv()]).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def unique(leads: list[Lead]) -> list[Lead]:
    """Leads that the org would hold."""
    return list({lead.key: lead for lead in leads if not lead.is_bad}.values())


def test_file_is_varied(leads):
    """The file holds what gets lost easily: quotes, commas, line breaks, tabs, emoji and many scripts."""
    text = "".join(cell for lead in leads for cell in lead.cells.values())

    samples = ('"', ",", "\n", "\t", "🚀", "👨\u200d👩\u200d👧\u200d👦", "é", "ł", "ї", "日本", "한", "ع", "नि", "ש")
    assert len(leads) > 1000
    assert [sample for sample in samples if sample not in text] == []
    assert len({lead.cells["Country"] for lead in leads}) > 20


def test_rows_are_numbered(leads):
    """Rows count from 1 without the header, and line breaks within cells count for nothing."""
    assert list(range(1, len(leads) + 1)) == [lead.row for lead in leads]
    assert all(len(lead.cells) == len(leads[0].cells) for lead in leads)


def test_bad_rows_are_few_and_differ(leads):
    """Some rows break a rule, and some keys come twice."""
    bad = [lead for lead in leads if lead.is_bad]

    assert 5 < len(bad) < 30
    assert len({lead.key for lead in leads}) < len(leads)


def test_fields_are_typed():
    """Numbers are written as numbers where they are, empty cells and the key are left out."""
    lead = Lead(1, {KEY: "L-1", "LastName": "Ö", "Title": "", "AnnualRevenue": "10.5", "NumberOfEmployees": "3"})
    odd = Lead(2, {"AnnualRevenue": "1.2 Mio.", "NumberOfEmployees": "many"})

    assert {"LastName": "Ö", "AnnualRevenue": Decimal("10.5"), "NumberOfEmployees": 3} == lead.fields()
    assert odd.fields() == {"AnnualRevenue": "1.2 Mio.", "NumberOfEmployees": "many"}


def test_differences():
    """A row equals the file's when each cell does; an empty cell is null."""
    lead = Lead(1, {KEY: "L-1", "Title": "", "AnnualRevenue": "10", "City": "Łódź"})

    equal = lead.differences({KEY: "L-1", "Title": None, "AnnualRevenue": Decimal("10.00"), "City": "Łódź"})
    different = lead.differences({KEY: "L-1", "Title": "", "AnnualRevenue": Decimal(11), "City": "Lodz"})

    assert equal == []
    assert different == ["Title", "AnnualRevenue", "City"]
    assert lead.differences({}) == [KEY, "AnnualRevenue", "City"]


@given(row_count=st.integers(200, 3_000), bad_count=st.integers(1, 40))
async def test_plan(row_count, bad_count):
    """The numbers of a plan add up to what its CSV holds, whatever its size."""
    leads = unique(read_leads())[:30]
    plan = BulkPlan(leads, row_count, bad_count)

    rows = await written(plan)

    keys = [row[KEY] for row in rows]
    old = {lead.key for lead in leads}
    assert row_count == len(keys)
    assert len(keys) == len(set(keys))
    assert len(plan.updated_leads) == sum(key in old for key in keys)
    assert bad_count == len(plan.bad_rows)
    assert row_count == plan.create_count + len(plan.updated_leads) + bad_count
    assert set(plan.bad_rows) <= set(range(1, row_count + 1))


async def test_plan_breaks_only_bad_rows(leads):
    """A row breaks a rule exactly when the plan says so."""
    plan = BulkPlan(unique(leads), 2_000, 20)

    rows = await written(plan)

    broken = {
        number
        for number, row in enumerate(rows, start=1)
        if not row["LastName"] or not row["Company"] or len(row["LastName"]) > 80 or row["Email"].endswith("@")
    }
    assert set(plan.bad_rows) == broken
