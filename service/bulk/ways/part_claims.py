"""Who has a part's rows written first: of two calls that go on with one load at the same time, one alone may.

Each of them gives a part that their token names no job for to a job of its own, and nothing in Salesforce says that two
jobs have the same rows. So whoever is about to commit a job says so where the other one looks.
"""

from collections import OrderedDict
from typing import Protocol

CLAIM_SECONDS = 8 * 86_400.0
"""How long a claim is remembered: a day longer than Salesforce keeps a job."""
MOST_REMEMBERED = 100_000
"""Claims that one process remembers; further ones push out the oldest."""


class PartClaims(Protocol):
    """Remembers which job has the rows of a part."""

    async def take(self, claim: str, holder: str, *, instead_of: str = "") -> str:
        """Return who has a claim: the given holder if nobody has it yet, or if the other one has it.

        Where nobody can be asked, it is the given one: a load does not wait for what guards against its caller alone.

        Args:
            claim: Names a part of a load.
            holder: A job that is about to be committed, and what its rows are.
            instead_of: A holder that gives the claim up, as it writes nothing; empty for none.

        """
        ...


class ClaimsOfProcess:
    """Remembers the claims of this process: right where there is one, and forgotten when it ends."""

    def __init__(self) -> None:
        self._holders: OrderedDict[str, str] = OrderedDict()

    async def take(self, claim: str, holder: str, *, instead_of: str = "") -> str:
        """See `PartClaims.take`."""
        found = self._holders.get(claim)
        if found is not None and found != instead_of:
            return found
        self._holders[claim] = holder
        if len(self._holders) > MOST_REMEMBERED:
            self._holders.popitem(last=False)
        return holder
