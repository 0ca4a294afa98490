"""The store of a replica that shares nothing: what it remembers is in its own memory."""

from service.request_ids.store import Claim, Granted, Ticket


class Unshared:
    """Grants every ticket, at once and without giving way to other tasks."""

    lease_seconds: float | None = None

    async def claim(self, _ticket: Ticket) -> Claim:
        """Grant the ticket."""
        return Granted()

    async def renew(self, _ticket: Ticket) -> None:
        """Do nothing: tickets are good for ever."""

    async def finish(self, _ticket: Ticket, _content: bytes) -> None:
        """Do nothing: the memory keeps the outcome."""

    async def release(self, _ticket: Ticket) -> None:
        """Do nothing: there is no entry."""
