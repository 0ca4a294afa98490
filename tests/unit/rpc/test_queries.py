"""How batches become responses."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from sluicegate.v1.query_service_pb2 import ROW_FORMAT_JSON_LINES, ROW_FORMAT_UNSPECIFIED, QueryRequest, RowFormat

from service.orgs.registry import OrgRegistry
from service.query.batches import Batch, ColumnValues
from service.query.columns import ColumnType, ResultColumn
from service.rpc.queries import QueryService
from tests.support.clock import FakeClock
from tests.support.transport import call


class OneOrg:
    """A registry with one org, whose result is two batches of one row."""

    def __init__(self) -> None:
        name = ResultColumn("Name", ColumnType.STRING, ("Name",))
        self.batches = [Batch(1, (ColumnValues(name, [text], []),), 2) for text in ("a", "b")]

    def get(self, _name: str) -> "OneOrg":
        return self

    async def query(self, *_: object) -> AsyncIterator[Batch]:
        for batch in self.batches:
            yield batch


@pytest.mark.parametrize("row_format", [ROW_FORMAT_UNSPECIFIED, ROW_FORMAT_JSON_LINES])
async def test_values_are_held_once(row_format: RowFormat.ValueType):
    """While a response is with the caller its batch has given the values up: a page in memory is there once."""
    org = OneOrg()
    service = QueryService(cast("OrgRegistry", org))
    request = QueryRequest(soql="SELECT Name FROM Account", row_format=row_format)
    seen: list[Any] = []

    async for response in service.query(request, call(FakeClock())):
        held = [list(column.values) for batch in org.batches for column in batch.columns]
        seen.append((response.json_lines or list(response.batch.columns[0].string_values), held))

    rows = [b'{"Name":"a"}\n', b'{"Name":"b"}\n'] if row_format else [["a"], ["b"]]
    assert [(rows[0], [[], ["b"]]), (rows[1], [[], []])] == seen
