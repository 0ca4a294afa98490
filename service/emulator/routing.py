"""From method and path to handler, with Salesforce's own words for what does not exist."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.emulator.exchange import Answer, Call
from service.emulator.faults import SalesforceFault

CallT = TypeVar("CallT", bound=Call, contravariant=True)  # noqa: PLC0105 - the usual name of a bound type

Handler = Callable[[CallT], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route(Generic[CallT]):
    """The handlers of one resource, by method."""

    pattern: tuple[str, ...]
    """Path segments; `{name}` stands for any one segment."""
    handlers: Mapping[str, Handler[CallT]]

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return the variable parts of a path of this resource, or None for another path."""
        if len(segments) != len(self.pattern):
            return None
        parameters: dict[str, str] = {}
        for wanted, segment in zip(self.pattern, segments, strict=True):
            if wanted.startswith("{"):
                parameters[wanted[1:-1]] = segment
            elif wanted != segment:
                return None
        return parameters


class Router(Generic[CallT]):
    """An ordered list of resources; the first whose pattern fits a path answers for it.

    Patterns with words come before patterns with variables at the same place.
    """

    def __init__(self) -> None:
        self._routes: list[Route[CallT]] = []
        self._by_length: dict[int, list[Route[CallT]]] = {}

    def add(self, pattern: str, **handlers: Handler[CallT]) -> None:
        """Add a resource.

        Args:
            pattern: Path without leading slash, for example `sobjects/{sobject}/{id}`.
            handlers: Handler of each method, in lower case: `get=…`.

        """
        segments = tuple(pattern.split("/")) if pattern else ()
        route = Route(segments, {method.upper(): handler for method, handler in handlers.items()})
        self._routes.append(route)
        self._by_length.setdefault(len(segments), []).append(route)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield method and pattern of every resource, in the order they are tried."""
        for route in self._routes:
            for method in route.handlers:
                yield method, "/".join(route.pattern)

    def find(self, method: str, segments: Sequence[str]) -> tuple[Handler[CallT], dict[str, str]]:
        """Return the handler of a request and the variable parts of its path.

        Args:
            method: Upper case; HEAD is answered by the handler of GET.
            segments: Percent-decoded path segments, without empty ones at the end.

        Raises:
            SalesforceFault: 404 NOT_FOUND, or 405 METHOD_NOT_ALLOWED naming the methods there are.
                Source: Salesforce REST API, "Status Codes and Error Responses"; the text of 405 is unverified.

        """
        for route in self._by_length.get(len(segments), ()):
            parameters = route.match(segments)
            if parameters is None:
                continue
            handler = route.handlers.get("GET" if method == "HEAD" else method)
            if handler is None:
                allowed = ",".join(sorted(route.handlers))
                raise SalesforceFault(
                    405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
                )
            return handler, parameters
        raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")

    def pattern(self, segments: Sequence[str]) -> str | None:
        """Return the pattern of the resource a path is of, as it was added, or None for another path."""
        for route in self._by_length.get(len(segments), ()):
            if route.match(segments) is not None:
                return "/".join(route.pattern)
        return None
