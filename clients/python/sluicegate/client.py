"""The client: the contract's calls as Python methods."""

from sluicegate.bulk_calls import BulkCalls
from sluicegate.deep_link_calls import DeepLinkCalls
from sluicegate.org_calls import OrgCalls
from sluicegate.query_calls import QueryCalls
from sluicegate.record_calls import RecordCalls


class Client(RecordCalls, QueryCalls, BulkCalls, DeepLinkCalls, OrgCalls):
    """A connection to Sluicegate, shared by any number of tasks of one event loop.

    Use it as `async with Client("127.0.0.1:50051") as client:`. It connects with the first call and reconnects by
    itself. Every method raises `SluicegateError` when the call fails. A method whose repetition is harmless is repeated
    twice when the service is unavailable, within the timeout; for `create_record`, `apply_records` and
    `compose_records` that takes a `request_id`.

    Args:
        target: Address of the service, for example `127.0.0.1:50051`, or `dns:///sluicegate:50051` to spread calls
            over all replicas.
        org: Name of the configured org that calls are made for. Empty means the service's default org.
        credentials: How to encrypt, and with call credentials how to sign in. None sends everything in the clear.
        timeout_seconds: Bound of one call that answers once, its repeats included. Queries and loads stream for as long
            as they need: bound them with `asyncio.timeout`.
        interceptors: Interceptors of the channel, for example of a tracing library.
        caller: Name under which the org's API calls are shared and counted, and refused where they run short; operators
            give names weights and caps. Empty says nothing.
        priority: How much the calls matter when API calls run short: `interactive` ones are refused last, `batch` ones
            first. None leaves it to the service: `standard`, and `batch` for bulk loads.

    Raises:
        ValueError: The caller's name has other than letters, digits, dots, dashes and underscores, or the priority is
            none of the words.

    """
