"""The resources of an API version."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.routing import Router

_RESOURCES = ("actions", "composite", "limits", "query", "queryAll", "sobjects")


def add_to(router: Router[OrgCall]) -> None:
    """Add the list of resources."""
    router.add("", get=_resources)


async def _resources(call: OrgCall) -> Answer:
    # Beside the resources stands who asks. Source: jsforce 3.10, `Connection.identity`, which reads it here.
    identity = f"{call.tenant.instance_url}/id/{call.tenant.org.id}/{call.session.user_id}"
    return Answer(value={**{name: f"{call.base}/{name}" for name in _RESOURCES}, "identity": identity})
