"""Atomic graphs: up to 500 writes that may refer to each other, all or none."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from service.clock import Turns, backoff_seconds
from service.context import CallContext
from service.errors import InvalidArgument, RowLocked, SluicegateError
from service.orgs.node_errors import of_node
from service.orgs.node_order import in_order
from service.salesforce.calls import composite, references, single
from service.salesforce.calls.composite import Node, NodeFailure
from service.salesforce.calls.writes import Saved, Write, WriteOptions
from service.salesforce.client import SalesforceClient

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Check = Callable[[Write, CallContext], Awaitable[None]]
"""Refuses a write that Salesforce would refuse for certain, by an InvalidArgument; reference fields may hold nodes."""

Explain = Callable[[SluicegateError, Write, CallContext], Awaitable[SluicegateError]]
"""Returns what can be said beyond Salesforce's own refusal of a write, or the same error."""

_MANY_VALUES = 5_000
"""Above these a graph is ordered and encoded beside the event loop: four mebibytes of references take a second."""
_ATTEMPTS = 5
_BASE_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Composer:
    """Carries out the graphs of one org. Safe to share between tasks.

    Args:
        client: The org.
        check: Looks at each write before a call is spent.
        explain: Looks at the refusal of a write.
        jitter: Returns a number from 0 to 1; tests give a constant.

    """

    client: SalesforceClient
    check: Check
    explain: Explain
    jitter: Callable[[], float] = random.random

    async def compose(self, nodes: Sequence[Node], options: WriteOptions, context: CallContext) -> list[Saved]:
        """Carry out a graph and return what each node wrote, in the caller's order.

        Atomic. Up to 25 nodes travel as a composite call, more as a composite graph; either is one API call. A graph
        that met a locked row was undone and is sent again within the deadline. So is one that was to delete a record
        that is gone, without that deletion, which counts as done; this up to ten times. A cancelled call may or may not
        have written.

        Args:
            nodes: The graph, at least one node, in any order.
            options: How the records are written.
            context: The call it is for.

        Raises:
            service.errors.InvalidRequest: The graph cannot be carried out whatever it writes; see `in_order`.
            service.errors.OutcomeUnknown: Records were to be created, and it is not known whether they were.
            service.errors.SluicegateError: A node failed and nothing was written: the error is the node's own, with the
                metadata `node`, `node_index` and `nodes`. Or the org could not be asked.

        """
        order = await _worked_out(nodes, in_order, nodes)
        await self._check(nodes, context)
        outcomes: dict[int, Saved] = {}
        attempt = 1
        while True:
            left = [index for index in order if index not in outcomes]
            outcome = await self._send([nodes[index] for index in left], options, context)
            if not isinstance(outcome, NodeFailure):
                outcomes.update(zip(left, outcome, strict=True))
                return [outcomes[index] for index in range(len(nodes))]
            index = left[outcome.index]
            write = nodes[index].write
            error = await self._explained(outcome.error, write, context)
            pause = self._pause_seconds(attempt)
            if single.is_gone(write, error) and len(outcomes) < composite.MOST_REPEATED_DELETIONS:
                outcomes[index] = Saved(write.record_id, already_deleted=True)
            elif isinstance(error, RowLocked) and attempt < _ATTEMPTS and context.has_time_for(pause):
                attempt += 1
                await context.clock.sleep(pause)
            else:
                raise of_node(error, nodes, index) from error

    async def _check(self, nodes: Sequence[Node], context: CallContext) -> None:
        """Refuse what is wrong with single nodes, the caller's first one first."""
        writes = {node.name: node.write for node in nodes}
        turns = Turns(context.clock)
        for index, node in enumerate(nodes):
            await turns.give()
            try:
                references.check(node.write, writes)
                single.row_call(self.client.base, node.write)
                await self.check(node.write, context)
            except InvalidArgument as error:
                raise of_node(error, nodes, index) from error

    async def _explained(self, error: SluicegateError, write: Write, context: CallContext) -> SluicegateError:
        try:
            return await self.explain(error, write, context)
        except SluicegateError:
            return error  # what is known is better than why no more can be learned

    async def _send(
        self, nodes: Sequence[Node], options: WriteOptions, context: CallContext
    ) -> list[Saved] | NodeFailure:
        if not nodes:
            return []
        build = composite.composite if len(nodes) <= composite.MOST_ROWS else composite.graph
        request = await _worked_out(nodes, build, self.client.base, nodes, options)
        response = await self.client.send(request, context)
        return composite.read(response, nodes, org=self.client.org)

    def _pause_seconds(self, attempt: int) -> float:
        return backoff_seconds(
            attempt,
            base_seconds=_BASE_DELAY_SECONDS,
            longest_seconds=_LONGEST_DELAY_SECONDS,
            jitter=self.jitter,
        )


async def _worked_out(
    nodes: Sequence[Node], work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Return what a function makes of a graph; other calls go on while a large one is worked on."""
    if sum(len(node.write.values) for node in nodes) > _MANY_VALUES:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
