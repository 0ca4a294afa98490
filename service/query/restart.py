"""Whether a query can be run again for what follows the rows that were sent, without a row twice or left out."""

from datetime import UTC, datetime

from service.errors import QueryNotResumable
from service.query.keyset import Keyset
from service.query.resume import ResumeToken
from service.soql.ast import Query

_ZONE_SECONDS = 900
"""Every time zone's day begins at a multiple of these in UTC."""


def rest_of(order: Keyset | str, token: ResumeToken, lost: QueryNotResumable, now: float) -> Query:
    """Return the query for what follows the rows that were sent.

    Args:
        order: The query's order, or why it has none.
        token: What was sent.
        lost: Why the result cannot be read on.
        now: Seconds since the epoch.

    Raises:
        QueryNotResumable: It cannot be told what follows.

    """
    if isinstance(order, str):
        raise refused(token, lost, order) from lost
    if not token.last:
        raise refused(token, lost, "what its last row held is longer than a token") from lost
    if order.is_of_today and token.begun // _ZONE_SECONDS != now // _ZONE_SECONDS:
        raise refused(token, lost, "it names days by today, which may have changed") from lost
    limit = order.query.limit
    if not order.is_certain and isinstance(limit, int) and token.total >= limit:
        raise refused(token, lost, "it is ordered by text, and its LIMIT hides what is left") from lost
    try:
        return order.after(token.last, token.rows)
    except ValueError as error:
        raise refused(token, lost, "what its last row held cannot be asked for") from error


def check(order: Keyset | str, token: ResumeToken, lost: QueryNotResumable, rows_left: int) -> None:
    """Refuse what follows if it may be other rows than those that were left.

    Salesforce sorts text by the user's language, and does not say that it compares it so; if it does not, the number
    of rows that follow is another one.

    Args:
        order: The query's order.
        token: What was sent.
        lost: Why the result cannot be read on.
        rows_left: How many rows follow now.

    Raises:
        QueryNotResumable: It is ordered by text, and other rows follow than before.

    """
    if isinstance(order, Keyset) and not order.is_certain and rows_left != token.total - token.rows:
        text = "it is ordered by text, and not as many rows follow as before"
        raise refused(token, lost, text) from lost


def changes(order: Keyset | str, token: ResumeToken) -> Query | None:
    """Return the query that counts the rows which may have moved since the first call began; None if none can."""
    return order.changed_since(datetime.fromtimestamp(token.begun, UTC)) if isinstance(order, Keyset) else None


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
