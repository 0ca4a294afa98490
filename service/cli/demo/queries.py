"""Queries: the leads are read back and compared with the file cell for cell."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

from sluicegate import Value

from service.cli.demo.leads import KEY, Lead
from service.cli.demo.stage import Stage

Row: TypeAlias = Mapping[str, object]
"""One row of a result."""

_COUNTRY = "Côte d'Ivoire"
_SELECTED = (
    "SELECT Id, Ext__c, LastName, Company, Email, AnnualRevenue FROM Lead WHERE Country = :country ORDER BY LastName"
)
_EVERYTHING = (
    "SELECT Ext__c, FirstName, LastName, Company, Title, Email, Phone, Street, City, PostalCode, Country, LeadSource,"
    " Industry, AnnualRevenue, NumberOfEmployees, Website, Description FROM Lead WHERE Ext__c LIKE :pattern"
)
_TRICKY = ("🚀", '"', "\n", "日本", "ł")
"""Texts that get lost where quoting or encoding is done by hand."""


async def query(stage: Stage, leads: Sequence[Lead], refused: Sequence[str]) -> None:
    """Read the leads back.

    Args:
        stage: The stage.
        leads: What the org must hold, each key once.
        refused: External ids that the org must not hold.

    """
    async with stage.step("Query", "Query them back") as step:
        selected = [row async for row in stage.client.query(_SELECTED, {"country": _COUNTRY})]
        rows = {str(row[KEY]): row async for row in stage.client.query(_EVERYTHING, {"pattern": "L-%"})}
        total = await count(stage, "SELECT COUNT() FROM Lead WHERE Ext__c LIKE :pattern", {"pattern": "L-%"})
        kept = await count(stage, "SELECT COUNT() FROM Lead WHERE Ext__c IN :refused", {"refused": list(refused)})
    step.records = len(selected) + len(rows)
    wrong = {lead.key: names for lead in leads if (names := lead.differences(rows.get(lead.key, {})))}
    _tell(stage, leads, selected, rows, wrong)
    expected = {lead.key for lead in leads if lead.cells["Country"] == _COUNTRY}
    find = stage.findings
    find.check(f"the leads of {_COUNTRY} are the file's", expected, {row[KEY] for row in selected})
    find.check("COUNT() agrees with the file", len(leads), total)
    find.check("every cell read back is the file's", {}, wrong)
    find.check("nothing that was refused is in the org", 0, kept)


def _tell(
    stage: Stage,
    leads: Sequence[Lead],
    selected: Sequence[Row],
    rows: Mapping[str, Row],
    wrong: Mapping[str, Sequence[str]],
) -> None:
    stage.say(_SELECTED, style="dim")
    ends = f", from {selected[0]['LastName']} to {selected[-1]['LastName']}" if selected else ""
    stage.say(f"with country = {_COUNTRY!r}: {len(selected)} rows{ends}.")
    cells = sum(len(lead.cells) for lead in leads)
    equal = cells - sum(map(len, wrong.values()))
    stage.say(f"{len(rows):,} leads read back: {equal:,} of {cells:,} cells equal the file's. Some of them:")
    stage.table(("lead", "field", "value"), _samples(leads, rows))


async def count(stage: Stage, soql: str, parameters: dict[str, Value]) -> int:
    """Run a `SELECT COUNT()`."""
    async with aclosing(stage.client.query_batches(soql, parameters)) as batches:
        return (await anext(batches)).total_size


def _samples(leads: Sequence[Lead], rows: Mapping[str, Row]) -> list[tuple[str, str, str]]:
    """Pick one cell read back for each kind of text that gets lost easily."""
    samples: dict[tuple[str, str], str] = {}
    for text in _TRICKY:
        cells = ((lead.key, name) for lead in leads for name, cell in lead.cells.items() if text in cell)
        key, name = next(place for place in cells if place not in samples)
        samples[key, name] = str(rows.get(key, {}).get(name)).replace("\n", "⏎")
    return [(key, name, value) for (key, name), value in samples.items()]
