"""The rows of small loads, written by the calls that carry everyone's writes."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from service.batching.coalescer import Coalescer, Prepared
from service.batching.item import Outcome, Route
from service.bulk.request import LoadRequest, Operation
from service.bulk.results.lines import RowError
from service.bulk.results.outcomes import RowOutcome
from service.bulk.ways.row_calls import NeedsJob, Tried
from service.bulk.ways.small_loads import ROWS_A_CALL, Prices
from service.clock import Turns
from service.context import CallContext
from service.errors import (
    AllocationExceeded,
    Conflict,
    InvalidArgument,
    NotFound,
    OrgAuthenticationFailed,
    OutcomeUnknown,
    Refused,
    SluicegateError,
)
from service.orgs.descriptions import Descriptions
from service.orgs.load_cells import Cells, UnsureCellError, cells_of
from service.orgs.load_columns import describe
from service.orgs.load_prices import LoadPrices
from service.orgs.parents import canonical_id, is_long_id
from service.orgs.write_rules import WriteRules
from service.salesforce.calls import writes
from service.salesforce.calls.writes import NO_ASSIGNMENT, ExternalKey, Row, Write, WriteOptions

_WRITES = {
    Operation.UPDATE: writes.Operation.UPDATE,
    Operation.UPSERT: writes.Operation.UPSERT,
    Operation.DELETE: writes.Operation.DELETE,
}
_WRITTEN = {
    Operation.UPDATE: RowOutcome.UPDATED,
    Operation.UPSERT: RowOutcome.UPDATED,
    Operation.DELETE: RowOutcome.DELETED,
}
_OPTIONS = WriteOptions(assignment=NO_ASSIGNMENT)
"""A job that names no assignment rule assigns nothing."""
_ROW_BYTES = 256
"""What a row takes beside its cells."""
_OF_ROW = (InvalidArgument, NotFound, Conflict, Refused, AllocationExceeded)
_OF_CALL = (OutcomeUnknown, OrgAuthenticationFailed)
"""Those of them that say nothing of the row."""


class OrgRowCalls:
    """Implements `service.bulk.ways.row_calls.RowCalls` for one call.

    Args:
        coalescer: Sends rows, in calls that other callers' rows with the same options may share.
        descriptions: What the org's sObjects look like.
        prices: What was measured.
        context: The call on whose behalf rows are written.

    """

    def __init__(
        self, coalescer: Coalescer, descriptions: Descriptions, prices: LoadPrices, context: CallContext
    ) -> None:
        self._coalescer = coalescer
        self._descriptions = descriptions
        self._prices = prices
        self._context = context

    def prices(self) -> Prices:
        """Return what calls and jobs took lately."""
        return self._prices.now(self._context.clock)

    async def typed(
        self, request: LoadRequest, columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> "OrgTypedRows | NeedsJob":
        """Return rows as what their fields are; a job takes those that Salesforce would refuse for certain as well.

        So Salesforce alone words why rows fail, whichever way they go.
        """
        sobject, parents = await describe(request, columns, self._descriptions, self._context)
        if request.external_id_field and not sobject.fields[request.external_id_field.lower()].unique:
            # Of two calls at once, one of a replica that is gone and one of whoever goes on, each may create a record.
            return NeedsJob(f"{request.external_id_field} is not unique: rows that are written again might be doubled")
        rules = await self._descriptions.rules(request.object, self._context)
        turns = Turns(self._context.clock)
        prepared: list[Prepared] = []
        keys: set[str] = set()
        try:
            cells = cells_of(request, columns, sobject, parents)
            for number, row in enumerate(rows, 1):
                await turns.give()
                try:
                    prepared.append(_prepared(request, rules, cells, row))
                except (UnsureCellError, InvalidArgument) as error:
                    what = str(error) if isinstance(error, UnsureCellError) else "Salesforce would refuse it"
                    return NeedsJob(f"row {number} is for a job to judge: {what}")
                keys.add(prepared[-1].key)
        except UnsureCellError as error:
            return NeedsJob(f"the columns are for a job to judge: {error}")
        if len(keys) < len(prepared):
            return NeedsJob("several rows have one key, which is for a job to judge")
        return OrgTypedRows(self._coalescer, request, prepared, self._prices, self._context)


class OrgTypedRows:
    """Implements `service.bulk.ways.row_calls.TypedRows`. Made by `OrgRowCalls`."""

    def __init__(
        self,
        coalescer: Coalescer,
        request: LoadRequest,
        prepared: Sequence[Prepared],
        prices: LoadPrices,
        context: CallContext,
    ) -> None:
        self._coalescer = coalescer
        self._request = request
        self._prepared = prepared
        self._prices = prices
        self._context = context

    async def write(self, rows: Sequence[int], *, is_begun: bool) -> list[Tried | SluicegateError]:
        """Write some rows; see `TypedRows.write`."""
        clock = self._context.clock
        begin = clock.monotonic()
        # What is committed is written: a caller that goes away leaves no half of it.
        context = replace(self._context, deadline=None, begun=is_begun or self._context.begun)
        outcomes = await self._coalescer.write_all([self._prepared[row] for row in rows], context)
        if len(rows) >= ROWS_A_CALL:
            self._prices.note_calls(-(-len(rows) // ROWS_A_CALL), clock.monotonic() - begin, clock)
        return [self._tried(outcome) for outcome in outcomes]

    def _tried(self, outcome: Outcome) -> Tried | SluicegateError:
        if isinstance(outcome, SluicegateError):
            if not isinstance(outcome, _OF_ROW) or isinstance(outcome, _OF_CALL):
                return outcome
            code = outcome.metadata.get("salesforce_error_code", "")
            fields = tuple(name for name in outcome.metadata.get("fields", "").split(",") if name)
            return Tried(RowOutcome.FAILED, error=RowError(code, outcome.message, fields, outcome))
        written = RowOutcome.CREATED if outcome.created else _WRITTEN[self._request.operation]
        return Tried(written, outcome.record_id)


def _prepared(request: LoadRequest, rules: WriteRules, cells: Cells, row: Sequence[str]) -> Prepared:
    """Return a row ready to travel.

    Raises:
        UnsureCellError: A cell could mean something else to a job.
        service.errors.InvalidArgument: Salesforce would refuse the row.

    """
    operation = _WRITES[request.operation]
    values = {} if operation is writes.Operation.DELETE else cells.values(row)
    found_by = cells.key_of(row)
    size = sum(map(len, row))
    field = request.external_id_field
    if field:
        key = ExternalKey(rules.description.fields[field.lower()].name, found_by)
        write = Write(operation, rules.name, values, key=key, size=size)
    else:
        record_id = canonical_id(found_by)
        if record_id is None or not is_long_id(record_id):
            raise UnsureCellError("Id is no record's id")
        write = Write(operation, rules.name, values, record_id, size=size)
    examined = rules.examine(write)
    sent = Row(write, rules.name, _ROW_BYTES + size, examined.numeric_key, examined.repeated)
    route = Route(operation, rules.name.lower(), field.lower(), _OPTIONS)
    return Prepared(route, sent, examined.key, (examined.key, *examined.parents))
