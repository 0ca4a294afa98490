"""The API versions there are, and the resources of a version."""

from service.emulator.exchange import Answer, OrgCall
from service.emulator.routing import Router

_RELEASES = {
    "60.0": "Spring '24",
    "61.0": "Summer '24",
    "62.0": "Winter '25",
    "63.0": "Spring '25",
    "64.0": "Summer '25",
    "65.0": "Winter '26",
    "66.0": "Spring '26",
}

LATEST = "66.0"

_RESOURCES = ("composite", "limits", "query", "queryAll", "sobjects")


def is_supported(version: str) -> bool:
    """Tell whether the emulator speaks a version such as `66.0`."""
    return version in _RELEASES


def list_versions() -> list[dict[str, str]]:
    """Return the answer of `/services/data/`, oldest version first."""
    return [
        {"label": label, "url": f"/services/data/v{version}", "version": version}
        for version, label in _RELEASES.items()
    ]


def add_to(router: Router[OrgCall]) -> None:
    """Add the list of resources."""
    router.add("", get=_resources)


async def _resources(call: OrgCall) -> Answer:
    return Answer(value={name: f"{call.base}/{name}" for name in _RESOURCES})
