"""How many records may wait for an org, and whose: what there is no room for is refused at once."""

from service.batching.policy import Policy
from service.batching.statistics import Held, Totals
from service.errors import QueueFull
from service.governor.reserve import is_free


class Room:
    """Room for records that wait or are in flight.

    The last fifth of it is not for callers that hold a fifth and more, see `service.governor.reserve`: whoever sends
    more than the org takes would else have all of it, and everyone else would be refused.

    Args:
        totals: What is held now; the lanes keep it.
        policy: How much there is.
        org: The org's configured name.

    """

    def __init__(self, totals: Totals, policy: Policy, org: str) -> None:
        self._totals = totals
        self._policy = policy
        self._org = org

    def admit(self, records: int, size: int, caller: str) -> None:
        """Refuse what there is no room for; nothing is held yet for what is not refused.

        Args:
            records: How many.
            size: Their bytes.
            caller: Who sends them.

        Raises:
            QueueFull: There is no room for all of them.

        """
        totals, policy = self._totals, self._policy
        held = totals.held_by.get(caller)
        of_caller = Held() if held is None else held
        if is_free(totals.held_records, of_caller.records, records, policy.most_records) and is_free(
            totals.held_bytes, of_caller.bytes, size, policy.most_bytes
        ):
            return
        raise QueueFull(
            f"{totals.held_records} records wait for the org {self._org!r} already, {of_caller.records} of them of "
            "this caller; come back later",
            metadata={
                "org": self._org,
                "waiting": str(totals.held_records),
                "maximum": str(policy.most_records),
                "waiting_bytes": str(totals.held_bytes),
                "maximum_bytes": str(policy.most_bytes),
                "waiting_of_caller": str(of_caller.records),
            },
            retry_after_seconds=1.0,
        )
