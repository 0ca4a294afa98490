"""Whether a query can be run again for what follows the rows that were sent, without a row twice or left out."""

from datetime import UTC, datetime
from typing import Any

from service.context import CallContext
from service.errors import QueryNotResumable, UpstreamProtocolError
from service.query.keyset import Keyset
from service.query.options import Options
from service.query.resume import KeyValue, ResumeToken
from service.salesforce.calls import query as calls
from service.salesforce.client import SalesforceClient
from service.soql import to_soql
from service.soql.ast import Query

_ZONE_SECONDS = 900
"""Every time zone's day begins at a multiple of these in UTC."""
_COUNT = calls.decoder(dict[str, Any])
_MOST_IN_A_ROW = 3


class Restarts:
    """Counts the restarts of one reading after which no row came, and sees that the others get on."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._count = 0
        self._mark: tuple[KeyValue, ...] = ()

    def begin(self, token: ResumeToken, lost: QueryNotResumable) -> None:
        """Count another one.

        Args:
            token: What was sent.
            lost: Why the result cannot be read on.

        Raises:
            QueryNotResumable: The org gives its results up faster than they can be read.
            UpstreamProtocolError: What followed the last row were rows that had been sent.

        """
        if self._in_a_row == _MOST_IN_A_ROW:
            raise refused(token, lost, f"it was {_MOST_IN_A_ROW} times without a row coming") from lost
        if self._in_a_row == 0:
            self._check_gets_on(token)
        self._in_a_row += 1

    def bring_rows(self) -> None:
        """Take note that rows came."""
        self._in_a_row = 0

    def _check_gets_on(self, token: ResumeToken) -> None:
        """Refuse a row that was the last one before: rows that follow each other in a circle would never end.

        One mark, moved ever more rarely, notices it as it does in `Bounds`.
        """
        if self._mark and self._mark == token.last:
            raise UpstreamProtocolError(
                "a query that was restarted brought the rows that were sent before", metadata={"org": token.org}
            )
        self._count += 1
        if self._count.bit_count() == 1:
            self._mark = token.last


def rest_of(order: Keyset | str, token: ResumeToken, lost: QueryNotResumable) -> Query:
    """Return the query for what follows the rows that were sent.

    Args:
        order: The query's order, or why it has none.
        token: What was sent.
        lost: Why the result cannot be read on.

    Raises:
        QueryNotResumable: It cannot be told what follows.

    """
    if isinstance(order, str):
        raise refused(token, lost, order) from lost
    if not token.last:
        raise refused(token, lost, "what its last row held is longer than a token") from lost
    limit = order.query.limit
    if not order.is_certain and isinstance(limit, int) and token.total >= limit:
        raise refused(token, lost, "it is ordered by text, and its LIMIT hides what is left") from lost
    try:
        return order.after(token.last, token.rows)
    except ValueError as error:
        raise refused(token, lost, "what its last row held cannot be asked for") from error


def check(order: Keyset | str, token: ResumeToken, lost: QueryNotResumable, rows_left: int, found: int) -> None:
    """Refuse what follows if it may be other rows than those that were left.

    Salesforce sorts text by the user's language, and does not say that it compares it so; if it does not, the number
    of rows that follow is another one.

    Args:
        order: The query's order.
        token: What was sent.
        lost: Why the result cannot be read on.
        rows_left: How many rows follow now.
        found: When they had been found, as `ResumeToken.found`.

    Raises:
        QueryNotResumable: The query is ordered by text and other rows follow than before, or it names other days now.

    """
    if not isinstance(order, Keyset):
        return
    if order.is_of_today and len({at // _ZONE_SECONDS for at in (token.begun, token.found, found)}) > 1:
        raise refused(token, lost, "it names days by today, which may have changed") from lost
    if not order.is_certain and rows_left != token.total - token.rows:
        raise refused(token, lost, "it is ordered by text, and not as many rows follow as before") from lost


async def check_unmoved(
    order: Keyset | str,
    token: ResumeToken,
    lost: QueryNotResumable,
    client: SalesforceClient,
    context: CallContext,
    options: Options,
) -> None:
    """Refuse to go on if rows may have moved from what was sent to what follows, or the other way round.

    It is to be asked after the restart: from then on the result is fixed. It costs an API call where rows can move.

    Args:
        order: The query's order.
        token: What was sent.
        lost: Why the result cannot be read on.
        client: The org.
        context: The call.
        options: How the result is read.

    Raises:
        QueryNotResumable: Rows were changed since the result was found.
        service.errors.SluicegateError: Salesforce refused to tell.

    """
    if not isinstance(order, Keyset):
        return
    # Changes are dated by whole seconds.
    since, found = (datetime.fromtimestamp(at, UTC) for at in (token.begun - 1, token.found))
    changes = order.changed(since, found)
    if changes is None:
        return
    counted = await client.first_page(
        to_soql(changes), _COUNT, context, page_size=options.rows_of_page, include_deleted=options.include_deleted
    )
    if counted.totalSize:
        raise refused(token, lost, "rows were changed that its order may have moved") from lost


def refused(token: ResumeToken, lost: QueryNotResumable, why: str) -> QueryNotResumable:
    """Return the error of a query that cannot be restarted.

    Args:
        token: What was sent.
        lost: Why the result cannot be read on.
        why: Why it cannot be restarted, about the query.

    """
    return QueryNotResumable(
        f"Salesforce no longer holds the rest of the result after {token.rows:,} rows, and the query cannot be "
        f"restarted behind them: {why}. Run it again from the start; with ORDER BY Id it can go on",
        metadata={"org": token.org, "rows": str(token.rows), "cause": lost.metadata.get("cause", "")},
    )
