"""The bulk loads of one org."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial

from service.batching.coalescer import Coalescer
from service.bulk.cutting.parts import PartLimits
from service.bulk.cutting.splitting import first_parts, splitter_of
from service.bulk.data.formats import Format
from service.bulk.desk import Desk, Slots
from service.bulk.failpoints import Reach, pass_by
from service.bulk.ledger import Ledger
from service.bulk.load import Loader
from service.bulk.part_upload import add_part, only_part
from service.bulk.request import Commit, LoadRequest
from service.bulk.results.outcomes import RowOutcome, RowResult
from service.bulk.room import DiskRoom
from service.bulk.standing import StandingLoad
from service.bulk.taking.intake import Check
from service.bulk.taking.messages import Message
from service.bulk.taking.needed_columns import check_needed
from service.bulk.telling.events import Event, Finished
from service.bulk.telling.load_view import Load, LoadPart
from service.bulk.telling.watching import FINISHED, LoadWatch, Totals
from service.bulk.token import TokenSigner
from service.bulk.ways.allowance import Allowance
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.bulk.ways.part_ways import Ways
from service.bulk.without_jobs import refuse_abort, refuse_repeated_results, refuse_results, refuse_state
from service.context import CallContext
from service.errors import FieldViolation, InvalidRequest, SluicegateError
from service.governor.places import Places
from service.orgs.bulk_jobs import OrgBulkJobs
from service.orgs.descriptions import Descriptions
from service.orgs.guard import Guard
from service.orgs.load_columns import check_columns, check_header
from service.orgs.load_prices import LoadPrices, MeasuredBulkJobs
from service.orgs.row_calls import OrgRowCalls
from service.salesforce.client import SalesforceClient
from service.settings.signed_text import invalid
from service.telemetry.tracing import Tracing

_MOST_WAITING = 1_000_000
"""Parts that wait to be worked on: more than loads may be open, of which each has one that waits."""


@dataclass(frozen=True, slots=True)
class LoadPolicy:
    """How loads are run."""

    limits: PartLimits
    """How large the parts of new loads are."""
    parts_at_work: int = 10
    """How many parts of all loads are uploaded, written or reported at a time."""
    reach: Reach = pass_by
    """Called at each place where a test may have the process die."""
    disk: DiskRoom = field(default_factory=DiskRoom)
    """What the loads of all orgs share."""
    claims: PartClaims = field(default_factory=ClaimsOfProcess)
    """Which jobs have the rows of parts, of all loads of all replicas if they share a store."""


class OrgLoads:
    """Loads many rows. Safe to share between tasks.

    Args:
        client: The org.
        guard: Says what may be asked of it.
        tokens: Signs resume tokens.
        policy: How loads are run.
        descriptions: What columns are held against; None leaves them to Salesforce, and has all loads go as jobs.
        coalescer: Writes the rows of small loads; None has all loads go as jobs.
        tracing: Makes the spans of parts.

    """

    def __init__(
        self,
        client: SalesforceClient,
        *,
        guard: Guard,
        tokens: TokenSigner,
        policy: LoadPolicy,
        descriptions: Descriptions | None,
        coalescer: Coalescer | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._client = client
        self._coalescer = coalescer
        self._prices = LoadPrices()
        self._descriptions = descriptions
        self._guard = guard
        self._tokens = tokens
        self._policy = policy
        self._tracing = tracing
        self._slots = Places(policy.parts_at_work, most_waiting=_MOST_WAITING)
        self.totals = Totals()
        """What its loads have done, and what they do."""

    async def run(
        self, request: LoadRequest, resume_token: str, messages: AsyncIterator[Message], context: CallContext
    ) -> AsyncGenerator[Event, None]:
        """Load rows and yield what happens; see `Loader.run`.

        Args:
            request: What to load.
            resume_token: Of the load to go on with; empty begins one.
            messages: What the caller says after its header.
            context: The call.

        Raises:
            service.errors.InvalidToken: The token was not made here, or belongs to another header or org.
            service.errors.LoadWithoutJob: Results are to be repeated that nobody has kept.

        """
        self._guard.admit(context)
        ledger = self._ledger(request, resume_token, context)
        if request.repeats_results:
            refuse_repeated_results(ledger)
        watch = LoadWatch(self._client.org, ledger.load_id, self.totals, self._tracing, context.trace)
        loader = Loader(
            client=self._jobs(context),
            clock=context.clock,
            signer=self._tokens,
            splitter=partial(splitter_of, files=self._policy.disk.files),
            check=self._check(context),
            reach=self._policy.reach,
            slots=self._slots.of(context),
            disk=self._policy.disk,
            watch=watch,
            caller=context.caller,
            ways=self._ways(context),
            claims=self._policy.claims,
        )
        is_resumed = bool(resume_token)
        with watch.call(is_resumed=is_resumed) as end:
            try:
                async with aclosing(loader.run(request, ledger, messages, is_resumed=is_resumed)) as events:
                    async for event in events:
                        watch.note(event)
                        if isinstance(event, Finished):
                            end.how = FINISHED
                        yield event
            except SluicegateError as error:
                end.how = error.reason
                raise

    async def start(self, request: LoadRequest, context: CallContext) -> tuple[Load, str]:
        """Begin a load whose data comes by calls, and return it with its token.

        Raises:
            InvalidRequest: The rows are to come as record batches, which no call takes.
            service.errors.UnknownObject: The org has no such sObject.
            service.errors.UnknownField: The external-id field, or a field that a column is mapped to or that is the
                same in all rows, is none of the sObject.
            service.errors.FieldNotWriteable: Such a field may not be written.
            service.errors.InvalidFieldValue: A lookup names an object that it does not lead to.

        """
        self._guard.admit(context)
        if request.format is Format.BATCHES:
            problem = "record batches come by BulkLoad; send CSV or JSON Lines"
            raise InvalidRequest(problem, violations=[FieldViolation("header.format", problem)])
        if self._descriptions is not None:
            await check_header(request, self._descriptions, context)
        ledger = self._ledger(request, "", context)
        return ledger.load(), self._tokens.write(ledger.token())

    async def upload(
        self, request: LoadRequest, resume_token: str, data: bytes, context: CallContext
    ) -> tuple[Load, LoadPart, str]:
        """Upload a part of such a load; return the load with it, the part, and the token that names it.

        Raises:
            service.errors.InvalidData: A row cannot be read, or there is none.
            service.errors.InvalidToken: The token was not made here, or belongs to another header or org.
            service.errors.SluicegateError: Salesforce refused, or could not be reached.

        """
        self._guard.admit(context)
        ledger = self._ledger(request, resume_token, context)
        jobs = self._jobs(context)
        desk = Desk(
            request=request,
            client=jobs,
            clock=context.clock,
            ledger=ledger,
            signer=self._tokens,
            reach=self._policy.reach,
            allowance=Allowance(jobs, org=self._client.org),
            slots=Slots(self._slots.of(context)),
            watch=LoadWatch(self._client.org, ledger.load_id, self.totals),
        )
        with closing(splitter_of(request, ledger.limits, ledger.end)) as splitter:
            part = only_part(await first_parts(splitter, data, most=2))
            if not ledger.parts:
                ledger.header_bytes = splitter.header_bytes
            with part.content:
                check_needed(request, part.columns)
                await self._check(context)(request, part.columns)
                record = await add_part(desk, part)
        ledger.has_ended = True
        return ledger.load(), record.shown(), desk.token()

    async def commit(self, resume_token: str, context: CallContext) -> tuple[Load, str]:
        """Have all parts of such a load written that its token names; see `StandingLoad.commit`.

        Returns:
            The load, and the token that names the jobs which have its rows.

        Raises:
            InvalidRequest: The load is committed otherwise.

        """
        load = self._standing(resume_token, context)
        if load.ledger.commit is not Commit.BY_CALL:
            problem = "is of a load that BulkLoad commits; this call commits what StartBulkLoad began"
            raise InvalidRequest(f"the token {problem}", violations=[FieldViolation("resume_token", problem)])
        committed = await load.commit()
        return committed, self._tokens.write(load.ledger.token())

    async def find(self, resume_token: str, context: CallContext) -> Load:
        """Return how a load stands; see `StandingLoad.load`.

        Raises:
            service.errors.LoadWithoutJob: There is no job to ask.

        """
        standing = self._standing(resume_token, context)
        refuse_state(standing.ledger)
        return await standing.load()

    async def watch(self, resume_token: str, context: CallContext) -> AsyncGenerator[Load, None]:
        """Yield how a load stands whenever that changes; see `StandingLoad.watch`."""
        standing = self._standing(resume_token, context)
        refuse_state(standing.ledger)
        async with aclosing(standing.watch()) as loads:
            async for load in loads:
                yield load

    async def results(
        self, resume_token: str, outcomes: frozenset[RowOutcome], part: int, context: CallContext
    ) -> AsyncGenerator[tuple[RowResult, ...], None]:
        """Yield what became of a load's rows; see `StandingLoad.results`.

        Raises:
            service.errors.LoadWithoutJob: No job keeps them.

        """
        standing = self._standing(resume_token, context)
        refuse_results(standing.ledger, part)
        async with aclosing(standing.results(outcomes, part=part)) as batches:
            async for batch in batches:
                yield batch

    async def cancel(self, resume_token: str, context: CallContext) -> Load:
        """Abort what is not over of a load; see `StandingLoad.cancel`.

        Raises:
            service.errors.LoadWithoutJob: There is no job to abort.

        """
        standing = self._standing(resume_token, context)
        refuse_abort(standing.ledger)
        return await standing.cancel()

    def _ways(self, context: CallContext) -> Ways:
        if self._coalescer is None or self._descriptions is None:
            return Ways()
        return Ways(OrgRowCalls(self._coalescer, self._descriptions, self._prices, context))

    def _ledger(self, request: LoadRequest, resume_token: str, context: CallContext) -> Ledger:
        if not resume_token:
            ledger = Ledger.new(
                request,
                org=self._client.org,
                load_id=secrets.token_hex(8),
                now=context.clock.now(),
                limits=self._policy.limits,
            )
            # What its end commits is one part from the start.
            ledger.has_ended = request.commit is Commit.AT_END
            return ledger
        token = self._tokens.read(resume_token, org=self._client.org)
        if token.header != request.digest:
            raise invalid("belongs to a load with another header")
        if request.commit is Commit.AT_END:
            raise invalid("is of a load that its end commits, which cannot be gone on with; GetBulkLoad tells of it")
        return Ledger.of(token)

    def _standing(self, resume_token: str, context: CallContext) -> StandingLoad:
        ledger = Ledger.of(self._tokens.read(resume_token, org=self._client.org))
        self._guard.admit(context)
        return StandingLoad(ledger, self._jobs(context), context.clock, self._policy.claims)

    def _jobs(self, context: CallContext) -> OrgBulkJobs:
        return MeasuredBulkJobs(self._client, context, self.totals, self._prices)

    def _check(self, context: CallContext) -> Check:
        async def check(request: LoadRequest, columns: Sequence[str]) -> None:
            if self._descriptions is not None:
                await check_columns(request, columns, self._descriptions, context)

        return check
