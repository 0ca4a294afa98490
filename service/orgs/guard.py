"""What stands before an org: its governor, and the circuits of its hosts."""

from dataclasses import replace

from service.governor.base import Governor, Statistics
from service.salesforce.transport.breaker import Circuit


class Guard:
    """Says whether an org may be asked, and how that stands.

    Args:
        governor: Says what may be asked of it.
        org: Whether it answers anything but outages.
        login: The same of the host that the service logs in at.

    """

    __slots__ = ("_governor", "_login", "_org", "admit")

    def __init__(self, governor: Governor, org: Circuit, login: Circuit) -> None:
        self._governor = governor
        self._org = org
        self._login = login
        self.admit = governor.admit
        """Refuses a call that cannot be afforded before anything is done for it; see `Governor.admit`. No method: each
        call would pay for a step that does nothing."""

    def statistics(self) -> Statistics:
        """Return how the org's calls stand, as far as is known here."""
        return replace(
            self._governor.statistics(),
            outage_seconds=self._org.open_seconds,
            login_outage_seconds=self._login.open_seconds,
        )
