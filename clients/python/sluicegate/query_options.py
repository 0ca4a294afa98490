"""How queries are read: the keyword arguments that every reading of one takes."""

from typing import Literal, TypeAlias, TypedDict

from sluicegate.v1 import query_service_pb2
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.words import to_number

Route: TypeAlias = Literal["rest", "bulk"]
"""How a result is read: page by page, the first row at once, or by a query job, millions by few API calls."""

_ROUTES = query_service_pb2.QueryRoute.DESCRIPTOR


class QueryOptions(TypedDict, total=False):
    """The keyword arguments. What is left out is the service's own choice."""

    batch_size: int
    """The largest number of rows in a message, up to 2,000."""
    include_deleted: bool
    """True also yields rows in the recycle bin and archived activities."""
    route: Route | None
    """The route, where the service is not to choose."""
    max_rows: int
    """The most rows to yield, over all calls that belong together; 0 means all."""
    page_size: int
    """The most rows that Salesforce sends at a time, 200 to 2,000; smaller pages cost more API calls."""
    resume_token: str
    """Where to go on: the token of the last batch that arrived. The rest of the query has to be the same."""
    reconnect: bool
    """False raises when the connection or the replica is lost after the first batch. Otherwise the query goes on behind
    the last row, on any replica, for as long as `timeout_seconds` of the client pass without an answer."""


def encode_query_options(request: QueryRequest, options: QueryOptions) -> None:
    """Write options into a request.

    Raises:
        ValueError: The route is none of the words, or a number is beyond 32 bits.

    """
    request.batch_size = options.get("batch_size", 0)
    request.include_deleted = options.get("include_deleted", False)
    request.route = encode_route(options.get("route"))
    request.max_rows = options.get("max_rows", 0)
    request.page_size = options.get("page_size", 0)
    request.resume_token = options.get("resume_token", "")


def encode_route(route: Route | None) -> query_service_pb2.QueryRoute.ValueType:
    """Return the contract's route; None is the service's choice.

    Raises:
        ValueError: The route is none of the words.

    """
    return query_service_pb2.QueryRoute.ValueType(0 if route is None else to_number(_ROUTES, "route", route))
