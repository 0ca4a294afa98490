"""The demo's order of events."""

from rich.console import Console
from sluicegate import Client

from service.cli.demo.findings import Findings
from service.cli.demo.leads import BulkPlan, read_leads
from service.cli.demo.limits import limits
from service.cli.demo.links import links
from service.cli.demo.loads import load
from service.cli.demo.queries import query
from service.cli.demo.records import upsert
from service.cli.demo.stage import Stage
from service.cli.demo.together import together

_BAD_IN_BULK = 20


async def run(target: str, console: Console, *, link_server: str, bulk_rows: int = 50_000) -> Findings:
    """Go through every step against a running service whose org holds no leads yet.

    Args:
        target: Where the service takes calls: `host:port`.
        console: Where the story is told.
        link_server: Base URL of the server behind its link host.
        bulk_rows: Rows of the bulk load.

    Raises:
        SluicegateError: A call failed that must not fail.

    """
    leads = read_leads()
    # The later row of a key is what the org keeps.
    kept = list({lead.key: lead for lead in leads if not lead.is_bad}.values())
    async with Client(target) as client:
        stage = Stage(client, console)
        upserts = await upsert(stage, leads)
        await query(stage, kept, [lead.key for lead, _ in upserts.refused])
        await together(stage, kept)
        await load(stage, BulkPlan(kept, bulk_rows, _BAD_IN_BULK))
        await links(stage, kept[0].key, upserts.record_ids[kept[0].key], link_server)
        await limits(stage)
    return stage.findings
