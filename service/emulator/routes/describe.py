"""Describe: what sObjects and fields the org has."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.routes import preconditions
from service.emulator.routing import Router


def add_to(router: Router[OrgCall]) -> None:
    """Add the describe resources."""
    router.add("sobjects", get=_global)
    router.add("sobjects/{sobject}/describe", get=_sobject)


async def _global(call: OrgCall) -> Answer:
    return _described(call, call.tenant.org.describe_global(call.version))


async def _sobject(call: OrgCall) -> Answer:
    org, tenant = call.tenant.org, call.tenant
    return _described(call, org.describe(call.parameters["sobject"], call.version, instance_url=tenant.instance_url))


def _described(call: OrgCall, value: dict[str, object]) -> Answer:
    modified_at = call.tenant.org.described_at
    return preconditions.unchanged(call, modified_at) or Answer(
        value=value, headers=preconditions.last_modified(modified_at)
    )
