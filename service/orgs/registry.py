"""The configured orgs by name, each opened when it is first called."""

import difflib
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from service.errors import FieldViolation, UnknownOrg
from service.orgs.org import Org

OpenOrg = Callable[[str, AsyncExitStack], Org]
"""Makes an org by name and leaves on the stack what must be closed with it."""


class OrgRegistry:
    """Finds orgs. Leaving the context closes every connection; open calls must have ended before.

    Args:
        names: The configured names.
        default: The org of requests that name none; empty if there is none.
        open_org: Makes an org.

    """

    def __init__(self, names: Iterable[str], *, default: str, open_org: OpenOrg) -> None:
        self._names = sorted(names)
        self._default = default
        self._open_org = open_org
        self._orgs: dict[str, Org] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close the orgs that were opened."""
        await self._stack.aclose()

    @property
    def names(self) -> tuple[str, ...]:
        """The configured names, ascending."""
        return tuple(self._names)

    @property
    def opened(self) -> tuple[Org, ...]:
        """The orgs that were called, ascending by name."""
        return tuple(self._orgs[name] for name in self._names if name in self._orgs)

    def get(self, name: str) -> Org:
        """Return an org, opened if it was not.

        Args:
            name: The configured name; empty for the default org.

        Raises:
            UnknownOrg: No org has the name, or none was named and there is no default.

        """
        wanted = name or self._default
        org = self._orgs.get(wanted)
        if org is None:
            if wanted not in self._names:
                raise self._unknown(name)
            org = self._orgs[wanted] = self._open_org(wanted, self._stack)
        return org

    def _unknown(self, name: str) -> UnknownOrg:
        if not name:
            problem = "the request names no org and no default_org is configured"
            return UnknownOrg(problem, violations=[FieldViolation("org", "name a configured org")])
        nearest = difflib.get_close_matches(name, self._names, n=1, cutoff=0.5)
        return UnknownOrg(
            f"no org {name!r} is configured" + (f"; did you mean {nearest[0]!r}?" if nearest else ""),
            metadata={"org": name, **({"nearest": nearest[0]} if nearest else {})},
            violations=[FieldViolation("org", "name a configured org")],
        )
