"""Describe: what sObjects and fields the org has."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.routing import Router


def add_to(router: Router[OrgCall]) -> None:
    """Add the describe resources."""
    router.add("sobjects", get=_global)
    router.add("sobjects/{sobject}/describe", get=_sobject)


async def _global(call: OrgCall) -> Answer:
    return Answer(value=call.tenant.org.describe_global(call.version))


async def _sobject(call: OrgCall) -> Answer:
    org = call.tenant.org
    return Answer(value=org.describe(call.parameters["sobject"], call.version, instance_url=call.tenant.instance_url))
