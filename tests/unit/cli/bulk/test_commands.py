"""A load that is watched while another process goes on with it."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from sluicegate import BulkLoad

from service.cli.bulk.commands import follow

LOAD = BulkLoad("a", "Lead", "insert", "processing", "750", 0, 0, datetime(2026, 1, 1, tzinfo=UTC), "")


class Watched:
    """A client that knows how a load stands by each of its tokens."""

    def __init__(self, stands: dict[str, list[BulkLoad]]) -> None:
        self._stands = stands

    async def watch_bulk_load(self, token: str) -> AsyncGenerator[BulkLoad, None]:
        """Tell it."""
        for load in self._stands[token]:
            yield replace(load, resume_token=token)


async def test_a_load_that_comes_further_is_followed():
    """Each token that its file has by then is watched, until there is no other; what is known is not told again."""
    ten, twenty = replace(LOAD, rows_processed=10), replace(LOAD, state="complete", rows_processed=20)
    client = Watched({"a": [LOAD, ten], "b": [ten, twenty]})
    tokens = iter(["b", "b"])

    told = [load async for load in follow(cast("Any", client), "a", lambda: next(tokens))]

    assert [(0, "a"), (10, "a"), (20, "b")] == [(load.rows_processed, load.resume_token) for load in told]
