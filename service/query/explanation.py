"""How a query would be run, told without reading a row."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.context import CallContext
from service.errors import InvalidArgument
from service.query import bulk_reading, cursor
from service.query import route as routes
from service.query.columns import ResultColumn
from service.query.estimates import Estimates
from service.query.keyset import Keyset
from service.query.planner import Describe, expand, plan
from service.query.references import References, references
from service.query.route import Choice, Estimate, Obstacle, Route
from service.salesforce.calls.query_plans import Plan
from service.soql.ast import Query


@dataclass(frozen=True, slots=True)
class Studied:
    """A query and what the descriptions of its sObjects say of it."""

    query: Query
    """Its parameters bound, FIELDS() spelled out."""
    columns: Sequence[ResultColumn]
    references: References
    obstacles: Sequence[Obstacle]
    """Why it cannot be read in bulk."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query would be run."""

    choice: Choice
    studied: Studied
    is_restartable: bool
    """Whether it can be restarted behind any row."""
    estimated_rows: int | None = None
    estimated_api_calls: int | None = None
    plans: Sequence[Plan] = field(default=())


async def study(query: Query, describe: Describe) -> Studied:
    """Return what the descriptions say of a query.

    Args:
        query: Its parameters bound.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: The query cannot be planned.

    """
    query = await expand(query, describe)
    columns = await plan(query, describe)
    found = await references(query, describe)
    return Studied(query, columns, found, routes.obstacles(query, found.fields))


async def explain(
    query: Query, route: Route | None, describe: Describe, estimates: Estimates, context: CallContext, *, bulk_rows: int
) -> Explanation:
    """Tell how a query would be run, by at most two API calls beside those for descriptions that are not known yet.

    Args:
        query: Its parameters bound.
        route: The route to explain; None for the one that would be chosen.
        describe: Describes an sObject.
        estimates: Asks for plans and numbers of records.
        context: The call.
        bulk_rows: From how many rows on a result is read in bulk.

    Raises:
        service.errors.InvalidRequest: The route cannot run the query.
        service.errors.InvalidArgument: Salesforce refuses the query.
        service.errors.SluicegateError: Salesforce cannot be asked.

    """
    studied = await study(query, describe)
    query = studied.query
    choice = None if route is None else routes.forced(route, studied.obstacles)
    plans, records = await asyncio.gather(_plans(query, estimates, context), estimates.records(query.source, context))
    if isinstance(plans, InvalidArgument):
        raise plans
    estimate = Estimate(records, plans)
    if choice is None:
        choice = routes.without_estimate(query, studied.columns, studied.obstacles, bulk_rows=bulk_rows)
    if choice is None:
        choice = routes.with_estimate(query, estimate, bulk_rows=bulk_rows)
    rows = routes.estimated_rows(query, estimate)
    order_of = cursor.order_of if choice.route is Route.REST else bulk_reading.order_of
    return Explanation(
        choice,
        studied,
        isinstance(await order_of(query, describe), Keyset),
        rows,
        None if rows is None else routes.api_calls(choice.route, rows),
        plans,
    )


async def _plans(query: Query, estimates: Estimates, context: CallContext) -> tuple[Plan, ...] | InvalidArgument:
    """Return the plans, or the refusal: what is asked for beside them is not left alone with it."""
    try:
        return await estimates.explained(query, context)
    except InvalidArgument as error:
        return error
