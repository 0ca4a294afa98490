"""References from one subrequest to the answers of those before it: `@{ref.field}`, in URLs and in bodies.

Source: Salesforce REST API, "Composite", "Using reference IDs". As from v52 on: a field has to be in the answer, and a
null that is referred to stays null.
"""

import re
from collections.abc import Iterator

from service.emulator.faults import unparsable

_REFERENCE = re.compile(r"@\{([^{}]*)\}")
_PATH = re.compile(r"([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[[0-9]{1,6}\])+)")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[([0-9]+)\]")
_DEEPEST = 100
_ABSENT = object()


class InvalidReference(Exception):
    """A reference that no answer so far has a value for.

    Args:
        text: What stands between the braces.

    """

    def __init__(self, text: str) -> None:
        origin = re.split(r"[.\[]", text, maxsplit=1)[0]
        # The text is unverified.
        super().__init__(f"Invalid reference specified. No value for {text[:255]} found in {origin[:255]}")


class Bindings:
    """The answers a subrequest may refer to."""

    def __init__(self) -> None:
        self._bodies: dict[str, object] = {}

    def bind(self, reference_id: str, body: object) -> None:
        """Make an answer known.

        Args:
            reference_id: Its name; compared with case.
            body: JSON, or None when the answer has no body.

        """
        self._bodies[reference_id] = body

    def text(self, text: str) -> str:
        """Return a text with its references replaced; a null becomes the word `null` (unverified).

        Raises:
            InvalidReference: There is no such value, or it is an object or array.

        """
        return _REFERENCE.sub(lambda match: _shown(self._value(match[1])), text)

    def json(self, value: object, depth: int = 0) -> object:
        """Return JSON with the references in its strings replaced.

        A string that is nothing but a reference becomes the value with its type.

        Args:
            value: The JSON; it is not changed.
            depth: How deep inside another value it is.

        Raises:
            InvalidReference: There is no such value, or it is an object or array.
            SalesforceFault: 400 JSON_PARSER_ERROR for more than 100 levels.

        """
        if depth > _DEEPEST:
            raise unparsable("The body of a subrequest is nested too deep")
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value)
            return self._value(whole[1]) if whole else self.text(value)
        if isinstance(value, dict):
            return {key: self.json(member, depth + 1) for key, member in value.items()}
        if isinstance(value, list):
            return [self.json(member, depth + 1) for member in value]
        return value

    def _value(self, reference: str) -> object:
        path = _PATH.fullmatch(reference)
        value = self._bodies.get(path[1], _ABSENT) if path else _ABSENT
        for step in _STEP.finditer(path[2] if path else ""):
            value = _inside(value, step[1], step[2])
        if value is _ABSENT or isinstance(value, dict | list):
            raise InvalidReference(reference)
        return value


def references_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the reference ids that the strings of JSON refer to, with repetitions.

    Args:
        value: The JSON.
        depth: How deep inside another value it is.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR for more than 100 levels.

    """
    if depth > _DEEPEST:
        raise unparsable("The body of a subrequest is nested too deep")
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            path = _PATH.fullmatch(match[1])
            if path:
                yield path[1]
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from references_in(member, depth + 1)


def _inside(value: object, name: str | None, index: str | None) -> object:
    if name is not None:
        return value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
    place = int(index or 0)
    return value[place] if isinstance(value, list) and place < len(value) else _ABSENT


def _shown(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
