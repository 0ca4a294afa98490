"""An org's limits as the contract's message, worked out once for all who watch."""

import asyncio
from dataclasses import dataclass, field

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import org_pb2 as pb

from service.context import CallContext
from service.governor.base import Usage
from service.orgs.org import Org
from service.rpc.governor import to_governor

_API_REQUESTS = "DailyApiRequests"
_FRESH_SECONDS = 1.0
"""How long a picture is shown to others: no longer than the shortest interval, so that each answer is a new one."""


async def read(org: Org, call: CallContext, *, ask_salesforce: bool) -> pb.OrgLimits:
    """Return how an org's limits stand now.

    Args:
        org: The org.
        call: The call that it is for.
        ask_salesforce: Whether to read all of them, by one call to Salesforce, or to tell what is known.

    Raises:
        service.errors.SluicegateError: Salesforce could not be asked.

    """
    limits = [
        pb.Limit(name=limit.name, maximum=limit.maximum, remaining=limit.remaining)
        for limit in (await org.limits(call) if ask_salesforce else ())
    ]
    statistics = org.governor_statistics()
    calls = next((limit for limit in limits if limit.name == _API_REQUESTS), None)
    if not ask_salesforce and statistics.usage is not None:
        calls = _known(statistics.usage)
    observed = Timestamp()
    observed.FromMilliseconds(int(call.clock.now() * 1000))
    return pb.OrgLimits(
        org=org.name, api_requests=calls, limits=limits, observe_time=observed, governor=to_governor(statistics)
    )


@dataclass(slots=True)
class _Picture:
    """What was told last."""

    told: pb.OrgLimits | None = None
    until: float = 0.0
    """When it is too old for others."""
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Pictures:
    """What those who watch are told, however many they are: about one picture a second of each org and kind.

    With a thousand callers one takes milliseconds, and one of Salesforce's own costs a call of the day.
    """

    def __init__(self) -> None:
        self._pictures: dict[tuple[str, bool], _Picture] = {}

    async def get(self, org: Org, call: CallContext, *, ask_salesforce: bool) -> pb.OrgLimits:
        """Return how an org's limits stood within the last second; see `read`.

        Of those who ask at once one pays, and the others wait for its picture. What keeps it from having one is its
        own affair: then the next one tries. The message is shared and must not be changed.
        """
        picture = self._pictures.setdefault((org.name, ask_salesforce), _Picture())
        async with picture.drawing:
            if picture.told is None or call.clock.monotonic() >= picture.until:
                picture.told = await read(org, call, ask_salesforce=ask_salesforce)
                picture.until = call.clock.monotonic() + _FRESH_SECONDS
            return picture.told


def _known(usage: Usage) -> pb.Limit:
    return pb.Limit(name=_API_REQUESTS, maximum=usage.maximum, remaining=max(0, usage.maximum - usage.used))
