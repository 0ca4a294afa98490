"""One request to the emulated API and its answer, free of any HTTP library.

A subrequest of a composite call is the same thing as a call of its own, so handlers see only these types.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from service.emulator.sessions import Session
from service.emulator.tenants import Tenant


class Body(Protocol):
    """The content of a request, which is read once."""

    async def read(self) -> bytes:
        """Return the whole content, decompressed."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the content piece by piece, decompressed."""
        ...


@dataclass(frozen=True, slots=True)
class BufferedBody:
    """Content that is in memory already."""

    content: bytes = b""

    async def read(self) -> bytes:
        """Return the content."""
        return self.content

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the content as one piece."""
        yield self.content


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose path was recognised."""

    method: str
    parameters: Mapping[str, str]
    """The variable parts of the path, percent-decoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Keys compare without case."""
    body: Body = field(default_factory=BufferedBody)


@dataclass(frozen=True, slots=True)
class OrgCall(Call):
    """A request of a logged-in user."""

    tenant: Tenant = field(kw_only=True)
    session: Session = field(kw_only=True)
    version: str = field(kw_only=True)
    """API version, for example `66.0`."""
    at_once: bool = field(default=False, kw_only=True)
    """Whether it is part of a transaction, so that nothing else may run before it is answered: a resource that works
    beside the event loop has to work on it then."""

    @property
    def base(self) -> str:
        """The path all resources of the version start with."""
        return f"/services/data/v{self.version}"

    @property
    def user_id(self) -> str:
        """The user every write of the call is made as."""
        return self.session.user_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller: JSON, other content, or nothing."""

    status: int = 200
    value: object = None
    """JSON; ignored when there is other content."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Iterable[bytes] | None = None
    """Anything but JSON, in pieces."""
    content_type: str = "application/json;charset=UTF-8"
    empty: bool = False
    """Whether there is no body at all."""

    @classmethod
    def nothing(cls, status: int = 204, headers: Mapping[str, str] | None = None) -> "Answer":
        """Make an answer without a body."""
        return cls(status, headers=headers or {}, empty=True)

    @classmethod
    def text(
        cls, content: str, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Answer":
        """Make an answer of a text that is not JSON."""
        return cls(status, headers=headers or {}, content=[content.encode()], content_type=content_type)
