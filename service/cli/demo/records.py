"""Single upserts, many at a time."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sluicegate import SluicegateError

from service.cli.demo.leads import KEY, Lead
from service.cli.demo.stage import Stage

_AT_A_TIME = 64


@dataclass(slots=True)
class Upserts:
    """What became of each row."""

    record_ids: dict[str, str] = field(default_factory=dict)
    """Salesforce id by external id."""
    created: list[Lead] = field(default_factory=list)
    updated: list[Lead] = field(default_factory=list)
    refused: list[tuple[Lead, SluicegateError]] = field(default_factory=list)


async def upsert(stage: Stage, leads: Sequence[Lead]) -> Upserts:
    """Upsert each lead by a call of its own and tell what became of them."""
    outcome = Upserts()
    title = f"Upsert {len(leads):,} leads, one RPC each, {_AT_A_TIME} at a time; they share calls to Salesforce"
    async with stage.step("Upsert", title) as step:
        rows = iter(leads)
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_A_TIME):
                group.create_task(_work(stage, rows, outcome))
    step.records, step.refused = len(outcome.created) + len(outcome.updated), len(outcome.refused)
    _tell(stage, outcome)
    keys = [lead.key for lead in leads if not lead.is_bad]
    find = stage.findings
    find.check("every lead has one answer", len(leads), step.records + step.refused)
    find.check("exactly the bad rows are refused", _bad(leads), {lead.key for lead, _ in outcome.refused})
    find.check(
        "every refusal has a documented reason", [], [lead.row for lead, error in outcome.refused if not error.reason]
    )
    find.check("a key that comes twice makes one record", len(set(keys)), len(outcome.created))
    find.check("and its later rows update it", len(keys) - len(set(keys)), len(outcome.updated))
    return outcome


async def _work(stage: Stage, rows: Iterator[Lead], outcome: Upserts) -> None:
    for lead in rows:
        try:
            result = await stage.client.upsert_record("Lead", KEY, lead.key, lead.fields())
        except SluicegateError as error:
            outcome.refused.append((lead, error))
            continue
        outcome.record_ids[lead.key] = result.record_id
        (outcome.created if result.created else outcome.updated).append(lead)


def _tell(stage: Stage, outcome: Upserts) -> None:
    step = stage.findings.steps[-1]
    answers = len(outcome.created) + len(outcome.updated) + len(outcome.refused)
    stage.say(
        f"{len(outcome.created):,} created, {len(outcome.updated)} updated, {len(outcome.refused)} refused"
        f" in {step.seconds:.2f} s ({answers / step.seconds:,.0f} leads/s)"
        f" with {step.api_calls:,} API calls."
    )
    if outcome.refused:
        stage.table(
            ("row", "reason", "message"),
            (
                (str(lead.row), error.reason, error.message)
                for lead, error in sorted(outcome.refused, key=lambda pair: pair[0].row)
            ),
            right=("row",),
        )


def _bad(leads: Sequence[Lead]) -> set[str]:
    return {lead.key for lead in leads if lead.is_bad}
