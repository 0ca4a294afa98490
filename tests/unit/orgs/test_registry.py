"""The orgs by name."""

from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from service.errors import UnknownOrg
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry


class Opener:
    """Makes stand-ins for orgs, and remembers what was opened and closed."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed: list[str] = []

    def __call__(self, name: str, stack: AsyncExitStack) -> Org:
        """Open an org."""
        self.opened.append(name)
        stack.callback(self.closed.append, name)
        return cast("Org", object())


def registry(opener: Any, *names: str, default: str = "") -> OrgRegistry:
    """Return a registry of orgs."""
    return OrgRegistry(names, default=default, open_org=opener)


async def test_an_org_is_opened_when_it_is_first_called():
    """Nothing is opened ahead, and nothing twice."""
    opener = Opener()

    async with registry(opener, "prod", "dev") as orgs:
        before = list(opener.opened)
        first, second = orgs.get("prod"), orgs.get("prod")

    assert [] == before
    assert first is second
    assert ["prod"] == opener.opened


async def test_leaving_closes_what_was_opened():
    """The last one opened is closed first."""
    opener = Opener()

    async with registry(opener, "a", "b", "c") as orgs:
        orgs.get("b")
        orgs.get("a")

    assert ["a", "b"] == opener.closed


async def test_no_name_means_the_default():
    """A request that names no org gets the default one."""
    async with registry(Opener(), "prod", "dev", default="dev") as orgs:
        assert orgs.get("") is orgs.get("dev")


async def test_names_are_ascending():
    """The configured names come in one order."""
    assert ("a", "b", "c") == registry(Opener(), "c", "a", "b").names


async def test_without_a_default_an_org_must_be_named():
    """The refusal says what to do."""
    async with registry(Opener(), "prod", "dev") as orgs:
        with pytest.raises(UnknownOrg, match="names no org") as raised:
            orgs.get("")

    assert ["org"] == [violation.field for violation in raised.value.violations]


@pytest.mark.parametrize(
    ("name", "metadata"),
    [("prd", {"org": "prd", "nearest": "prod"}), ("PROD", {"org": "PROD"}), ("zzz", {"org": "zzz"})],
)
async def test_an_unknown_org_gets_the_nearest_name(name, metadata):
    """Only a name that is near is suggested."""
    async with registry(Opener(), "prod", "dev") as orgs:
        with pytest.raises(UnknownOrg) as raised:
            orgs.get(name)

    assert metadata == raised.value.metadata


async def test_an_org_that_cannot_be_opened_is_tried_again():
    """A failure is not remembered, and closes nothing else."""
    faults: list[Exception] = [OSError("no certificate")]
    opener = Opener()

    def open_org(name: str, stack: AsyncExitStack) -> Org:
        if faults:
            raise faults.pop()
        return opener(name, stack)

    async with registry(open_org, "prod") as orgs:
        with pytest.raises(OSError, match="no certificate"):
            orgs.get("prod")
        orgs.get("prod")

    assert ["prod"] == opener.opened == opener.closed
