"""Apex from files: a Python module, which runs and is trusted, or YAML, which only says what to answer."""

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from service.emulator.apex.code import Apex, ApexRequest, ApexResponse

_PLACE = re.compile(r"\$\{([^{}]*)\}")
_ENDPOINT_KEYS = frozenset({"method", "path", "status", "headers", "body"})
_ACTION_KEYS = frozenset({"name", "label", "outputs", "error"})
_FIRST_STATUS, _LAST_STATUS = 200, 599

_Values = Mapping[str, object]


class ApexFileError(ValueError):
    """A file that holds no Apex; says which file and where in it."""


def load_apex(path: Path) -> Apex:
    """Read endpoints and actions from a file.

    Args:
        path: `.py` for a module with one `Apex`, which is run; anything else is YAML:

            endpoints:
              - method: GET
                path: /orders/{number}
                status: 200
                body: {number: "${path.number}", for: "${query.customer}", sent: "${body}"}
            actions:
              - name: SendMail
                outputs: {sent: true, to: "${input.to}"}

            A text that is one `${…}` becomes the value it names, whatever its type; others take its text. What is not
            there is null. An action with `error` fails with that text.

    Raises:
        ApexFileError: The file cannot be read, run or understood.

    """
    try:
        return _module(path) if path.suffix == ".py" else _document(path)
    except ApexFileError:
        raise
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise ApexFileError(f"{path}: {error}") from error


def _module(path: Path) -> Apex:
    name = f"sluicegate_apex_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ApexFileError(f"{path}: this is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the module look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # Whatever the module raises is its author's to read, with the file's name and no trace through the emulator.
        raise ApexFileError(f"{path}: {type(error).__name__}: {error}") from error
    found = [value for value in vars(module).values() if isinstance(value, Apex)]
    if len(found) != 1:
        raise ApexFileError(f"{path}: one Apex() has to be made at the top of the module, not {len(found)}")
    return found[0]


def _document(path: Path) -> Apex:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not document.keys() <= {"endpoints", "actions"}:
        raise ApexFileError(f"{path}: endpoints and actions are expected, and nothing else")
    apex = Apex()
    for kind, keys, add in (("endpoints", _ENDPOINT_KEYS, _add_endpoint), ("actions", _ACTION_KEYS, _add_action)):
        entries = document.get(kind) or []
        if not isinstance(entries, list):
            raise ApexFileError(f"{path}: {kind} has to be a list")
        for place, entry in enumerate(entries):
            _add(f"{path}: {kind}[{place}]", entry, keys, lambda given, add=add: add(apex, given))  # type: ignore[misc]
    return apex


def _add(where: str, entry: object, keys: frozenset[str], add: Callable[[dict[str, Any]], None]) -> None:
    if not isinstance(entry, dict):
        raise ApexFileError(f"{where}: an object is expected")
    unknown = [str(key) for key in entry if key not in keys]
    if unknown:
        raise ApexFileError(f"{where}: {', '.join(unknown)} is unknown; there are {', '.join(sorted(keys))}")
    try:
        add(entry)
    except (ValueError, TypeError) as error:
        raise ApexFileError(f"{where}: {error}") from error


def _add_endpoint(apex: Apex, entry: dict[str, Any]) -> None:
    status, headers, body = entry.get("status", 200), entry.get("headers") or {}, entry.get("body")
    if type(status) is not int or not _FIRST_STATUS <= status <= _LAST_STATUS:
        raise ValueError(f"status: {status!r} is no HTTP status of an answer")
    if not isinstance(headers, dict):
        raise TypeError("headers: an object is expected")
    texts = {str(name): str(value) for name, value in headers.items()}

    def answer(request: ApexRequest) -> ApexResponse:
        values: _Values = {"path": request.parameters, "query": request.query, "body": _Later(request.json)}
        # A caller's line break must not become one between headers.
        lines = {name: " ".join(_text(text, values).split()) for name, text in texts.items()}
        return ApexResponse(status, _filled(body, values), lines)

    apex.endpoint(_required(entry, "method"), _required(entry, "path"))(answer)


def _add_action(apex: Apex, entry: dict[str, Any]) -> None:
    outputs, error = entry.get("outputs"), entry.get("error")

    def answer(_request: ApexRequest, values: _Values) -> object:
        if error is not None:
            raise RuntimeError(_text(str(error), {"input": values}))
        return _filled(outputs, {"input": values})

    apex.action(_required(entry, "name"), label=entry.get("label"))(answer)


def _required(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: a text is needed")
    return value


class _Later:
    """A value that is worked out when it is first named, so that only templates that use a body need it to be JSON."""

    def __init__(self, read: Callable[[], object]) -> None:
        self.read = read


def _filled(template: object, values: _Values) -> object:
    if isinstance(template, dict):
        return {str(key): _filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        return _value(whole[1], values) if whole else _text(template, values)
    return template


def _text(template: str, values: _Values) -> str:
    def fill(match: re.Match[str]) -> str:
        value = _value(match[1], values)
        return "" if value is None else str(value)

    return _PLACE.sub(fill, template)


def _value(name: str, values: _Values) -> object:
    value: object = values
    for step in name.strip().split("."):
        if isinstance(value, Mapping):
            value = cast("_Values", value).get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
        if isinstance(value, _Later):
            value = value.read()
    return value
