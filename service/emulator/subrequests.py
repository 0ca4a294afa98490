"""Requests inside a request: what a composite call asks for is answered by the same resources as a call of its own."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from multidict import CIMultiDict

from service.emulator.exchange import Answer, BufferedBody, OrgCall
from service.emulator.fault_answers import fault_answer
from service.emulator.faults import SalesforceFault, unparsable
from service.emulator.json_text import render
from service.emulator.releases import is_supported
from service.emulator.routing import Router

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
"""Methods of a subrequest, upper case. Source: Salesforce REST API, "Composite"."""


@dataclass(frozen=True, slots=True)
class Target:
    """The URL of a subrequest, taken apart."""

    segments: tuple[str, ...]
    """Percent-decoded, without empty ones at the ends; the API version is the first."""
    query: Mapping[str, str]

    @property
    def resource(self) -> tuple[str, ...]:
        """What follows the API version."""
        return self.segments[1:]

    @property
    def is_collection_or_query(self) -> bool:
        """Whether it counts towards the few collections and queries a composite call may have."""
        return self.resource[:1] in {("query",), ("queryAll",)} or self.resource[:2] == ("composite", "sobjects")


@dataclass(frozen=True, slots=True)
class Subrequest:
    """One request inside another, its references already replaced."""

    method: str
    target: Target
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    """JSON; None for no content."""


class Subrequests:
    """Answers subrequests without a socket.

    Args:
        router: The resources below `/services/data/vXX.X/`.

    """

    def __init__(self, router: Router[OrgCall]) -> None:
        self._router = router

    async def answer(self, call: OrgCall, subrequest: Subrequest) -> Answer:
        """Answer one subrequest; a refusal is an answer too.

        Args:
            call: The request around it, whose user it is made as.
            subrequest: What is asked for.

        """
        try:
            return await self._answer(call, subrequest, at_once=False)
        except SalesforceFault as fault:
            return fault_answer(fault)

    def answer_at_once(self, call: OrgCall, subrequest: Subrequest) -> Answer:
        """Answer one subrequest without letting anything else run meanwhile, as a transaction has to.

        Raises:
            RuntimeError: The resource waited for something.

        """
        try:
            return _at_once(self._answer(call, subrequest, at_once=True))
        except SalesforceFault as fault:
            return fault_answer(fault)

    async def _answer(self, call: OrgCall, subrequest: Subrequest, *, at_once: bool) -> Answer:
        target = subrequest.target
        version = target.segments[0].removeprefix("v") if target.segments else ""
        if not is_supported(version) or target.segments[0] != f"v{version}":
            raise unknown_resource()
        handler, parameters = self._router.find(subrequest.method, target.resource)
        return await handler(
            OrgCall(
                subrequest.method,
                parameters,
                target.query,
                CIMultiDict(subrequest.headers),
                BufferedBody(_content(subrequest.body)),
                tenant=call.tenant,
                session=call.session,
                version=version,
                at_once=at_once,
            )
        )


def target_of(url: str, *, below: Sequence[str]) -> Target:
    """Take the URL of a subrequest apart.

    Args:
        url: As given; blanks in the query need not be encoded.
        below: Segments it has to start with; the API version follows them.

    Raises:
        SalesforceFault: 404 NOT_FOUND for a URL elsewhere.

    """
    path, _, query = url.partition("?")
    # An encoded slash belongs to its segment, so the path is split before it is decoded.
    segments = tuple(unquote(segment) for segment in path.strip("/").split("/"))
    if segments[: len(below)] != tuple(below):
        raise unknown_resource()
    pairs = parse_qsl(query, keep_blank_values=True)
    return Target(segments[len(below) :], dict(reversed(pairs)))


def unknown_resource() -> SalesforceFault:
    """Build the answer for a URL that is no resource, or none that may be called from inside another request."""
    return SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")


def _content(body: object) -> bytes:
    if body is None:
        return b""
    try:
        return render(body)
    except orjson.JSONEncodeError:  # what was read can be written, unless it is of no use anyway
        text = "The body of a subrequest is nested too deep or has a whole number beyond 64 bits"
        raise unparsable(text) from None


def _at_once(run: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        run.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    run.close()
    raise RuntimeError("a resource waited inside a transaction")
