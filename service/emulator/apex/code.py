"""What stands for Apex in the emulator: functions that answer endpoints and actions.

They run in the emulator's process, between two requests: they are trusted, and should be quick. Like a transaction in
Apex, what a function wrote is undone when it raises.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from service.emulator.faults import SalesforceFault, unparsable
from service.emulator.json_text import parse
from service.emulator.org import Org

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_REST = "*"


@dataclass(frozen=True, slots=True)
class ApexRequest:
    """A request to an endpoint, or one input of an action."""

    method: str
    path: str
    """What follows `/services/apexrest`, percent-decoded, with a slash in front."""
    org: Org
    """The caller's."""
    user_id: str
    """The caller, 18 characters."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The variable parts of the path; what `*` stands for is under `*`."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Keys compare without case."""
    body: bytes = b""

    def json(self) -> object:
        """Return the body as JSON; None when it is empty.

        Raises:
            SalesforceFault: JSON_PARSER_ERROR.

        """
        return parse(self.body) if self.body.strip() else None


@dataclass(frozen=True, slots=True)
class ApexResponse:
    """An answer of an endpoint that is more than JSON with the status 200."""

    status: int = 200
    body: object = None
    """JSON; bytes are sent as they are; None sends no body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"


Endpoint = Callable[[ApexRequest], object]
"""Answers a request: with JSON, with nothing, or with an `ApexResponse`."""
Action = Callable[[ApexRequest, Mapping[str, object]], object]
"""Answers one input of an action with its output values, a JSON object or nothing."""


@dataclass(frozen=True, slots=True)
class _Mapping:
    segments: tuple[str, ...]
    handlers: dict[str, Endpoint]

    @property
    def looseness(self) -> tuple[int, ...]:
        return tuple(2 if part == _REST else 1 if part.startswith("{") else 0 for part in self.segments)

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        fixed = self.segments[:-1] if self.segments[-1:] == (_REST,) else self.segments
        if len(segments) < len(fixed) or (fixed is self.segments and len(segments) != len(fixed)):
            return None
        parameters = {} if fixed is self.segments else {_REST: "/".join(segments[len(fixed) :])}
        for wanted, given in zip(fixed, segments, strict=False):
            if wanted.startswith("{"):
                parameters[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return parameters


class Apex:
    """The endpoints and actions of the orgs of one emulator.

    In a module given to `--apex`, make one and decorate functions with its methods:

        apex = Apex()

        @apex.endpoint("GET", "/orders/{number}")
        def order(request):
            return {"number": request.parameters["number"]}

        @apex.action("SendMail")
        def send(request, values):
            return {"sent": True}
    """

    def __init__(self) -> None:
        self._mappings: dict[tuple[str, ...], _Mapping] = {}
        self._actions: dict[str, tuple[str, Action]] = {}

    def endpoint(self, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
        """Let a function answer a method of a path.

        Args:
            method: In any case.
            path: What follows `/services/apexrest`; `{name}` stands for one segment, `*` at the end for all others.
                Of several paths that fit a request the one with the most words wins.

        Raises:
            ValueError: The method does not exist, or it has an answer at that path already.
            TypeError: The function is a coroutine.

        """
        verb, segments = method.upper(), tuple(path.strip("/").split("/")) if path.strip("/") else ()
        mapping = self._mappings.setdefault(segments, _Mapping(segments, {}))
        if verb not in _METHODS:
            raise ValueError(f"{method} is none of {', '.join(_METHODS)}")
        if _REST in segments[:-1]:
            raise ValueError(f"{path}: * has to be the last segment")
        if verb in mapping.handlers:
            raise ValueError(f"{verb} {path} is there already")

        def register(function: Endpoint) -> Endpoint:
            _refuse_coroutine(function)
            mapping.handlers[verb] = function
            return function

        return register

    def action(self, name: str, *, label: str | None = None) -> Callable[[Action], Action]:
        """Let a function answer each input of the invocable action of a name.

        Args:
            name: API name.
            label: What people see; None for the name.

        Raises:
            ValueError: There is an action of that name.
            TypeError: The function is a coroutine.

        """
        if name in self._actions:
            raise ValueError(f"the action {name} is there already")

        def register(function: Action) -> Action:
            _refuse_coroutine(function)
            self._actions[name] = (label or name, function)
            return function

        return register

    def include(self, other: "Apex") -> None:
        """Add the endpoints and actions of another.

        Raises:
            ValueError: One is there already.

        """
        for method, path, function in other.endpoints():
            self.endpoint(method, path)(function)
        for name, label in other.actions():
            self.action(name, label=label)(other.find_action(name)[1])

    def endpoints(self) -> list[tuple[str, str, Endpoint]]:
        """Return method, path and function of the endpoints, as they were added."""
        return [
            (method, "/".join(mapping.segments), function)
            for mapping in self._mappings.values()
            for method, function in mapping.handlers.items()
        ]

    def find(self, method: str, segments: Sequence[str]) -> tuple[Endpoint, dict[str, str]]:
        """Return what answers a request, and the variable parts of its path.

        Args:
            method: Upper case.
            segments: Of the path behind `/services/apexrest`, percent-decoded.

        Raises:
            SalesforceFault: 404 NOT_FOUND, or 405 METHOD_NOT_ALLOWED naming the methods there are; the texts are
                unverified.

        """
        for mapping in sorted(self._mappings.values(), key=lambda each: each.looseness):
            parameters = mapping.match(segments)
            if parameters is None or not mapping.handlers:
                continue
            function = mapping.handlers.get("GET" if method == "HEAD" else method)
            if function is None:
                allowed = ",".join(sorted(mapping.handlers))
                text = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
                raise SalesforceFault(405, "METHOD_NOT_ALLOWED", text)
            return function, parameters
        raise SalesforceFault(404, "NOT_FOUND", "Could not find a match for URL")

    def actions(self) -> list[tuple[str, str]]:
        """Return names and labels of the actions, by name."""
        return sorted((name, label) for name, (label, _) in self._actions.items())

    def find_action(self, name: str) -> tuple[str, Action]:
        """Return label and function of an action.

        Raises:
            SalesforceFault: 404 NOT_FOUND.

        """
        found = self._actions.get(name)
        if found is None:
            raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
        return found


def _refuse_coroutine(function: Callable[..., object]) -> None:
    if inspect.iscoroutinefunction(function):
        raise TypeError("a function that stands for Apex runs in one go; it cannot be a coroutine")


def action_inputs(body: object) -> list[Mapping[str, object]]:
    """Return the inputs of a call of an action; a call without any has one empty input.

    Args:
        body: The request's JSON.

    Raises:
        SalesforceFault: JSON_PARSER_ERROR when they are no list of objects.

    """
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if inputs is None:
        return [{}]
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise unparsable("Cannot deserialize instance of list from the value of inputs")
    return inputs or [{}]
