"""Reads the settings, and says of what cannot be used which setting it is and what would help."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError as UnreadableVariable

from service.settings.sections import FLOWS, PREFIX, Settings

_WORDS = {
    "missing": "is required",
    "string_pattern_mismatch": "must match {pattern}",
    "string_type": "must be text; YAML takes a number for text only in quotes",
    "tuple_type": "must be a list, for example [a, b]",
}
"""What pydantic says less plainly, by the type of its finding."""

_LEAST_LIKENESS = 0.3
"""Of a name to one that is proposed in its stead; the same in so few letters is chance."""

CONFIG_VARIABLE = "SLUICEGATE_CONFIG"


class SettingsError(Exception):
    """The settings cannot be used; the text names each setting at fault and the remedy."""


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file that SLUICEGATE_CONFIG names, apply the SLUICEGATE_… variables and check the whole.

    Args:
        environment: Only its SLUICEGATE_… variables are looked at for unknown names.

    Raises:
        SettingsError: The file cannot be read, or a setting is unknown or invalid; each is named.

    """
    path = environment.get(CONFIG_VARIABLE, "")
    values = _read(Path(path)) if path else {}
    unknown = _unknown_variables(environment)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(unknown + [_explain(item, path) for item in error.errors()])) from None
    except UnreadableVariable as error:
        # Its cause holds the value.
        raise SettingsError("\n".join([*unknown, _explain_variable(error)])) from None
    if unknown:
        raise SettingsError("\n".join(unknown))
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Yaml)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        # Its own text quotes the file, secrets and all.
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(f"{path} is not YAML: {place}{error.problem}") from None
    except yaml.YAMLError:
        raise SettingsError(f"{path} is not YAML: it holds characters that YAML does not allow") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must be a mapping of settings, not a {type(document).__name__}")
    # Names that begin with an underscore would tell pydantic-settings where else to read from.
    strange = [str(name) for name in document if not isinstance(name, str) or name.startswith("_")]
    if strange:
        raise SettingsError("\n".join(f"{name}: no such setting" for name in strange))
    return document


class _Yaml(yaml.SafeLoader):
    """Refuses a name that stands twice, of which YAML's own loader would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Make a mapping."""
        found = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in found:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
            found.add((key.tag, key.value if isinstance(key, yaml.ScalarNode) else id(key)))
        return super().construct_mapping(node, deep)


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable of ours that sets nothing; pydantic-settings would pass over it in silence."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    lines = []
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable != CONFIG_VARIABLE:
            top = variable.upper().split("__", 1)[0]
            if top not in known and not variable.startswith("SLUICEGATE_TEST_"):
                nearest = difflib.get_close_matches(top, known, n=1, cutoff=0)[0]
                lines.append(f"{variable}: no such setting; the nearest is {nearest}")
    return lines


def _explain_variable(error: UnreadableVariable) -> str:
    """Return a line for a variable that must be JSON and is not; pydantic-settings tells only the section."""
    found = re.search(r'for field "(\w+)"', str(error))
    name = f"{PREFIX}{found[1].upper()}" if found else PREFIX
    return f"{name} or a variable that begins with {name}__: must be a JSON object"


def _explain(item: Any, path: str) -> str:
    """Return one readable line for one of pydantic's findings, without the value: it may be a secret."""
    location = [str(part) for part in item["loc"]]
    parts = [part for part in location if part not in FLOWS]
    name = ".".join(part for part in parts if part != "[key]") or path or "settings"
    if item["type"] == "extra_forbidden":
        known = _settings_at(location[:-1])
        nearest = difflib.get_close_matches(location[-1], known, n=1, cutoff=_LEAST_LIKENESS)
        if not nearest:
            return f"{name}: no such setting" + (f"; this group takes {', '.join(known)}" if known else "")
        return f"{name}: no such setting; the nearest is {'.'.join([*parts[:-1], *nearest])}"
    if item["type"].startswith("union_tag"):
        return f"{name}.flow: must be {' or '.join(FLOWS)}"
    if item["type"] in {"model_type", "dict_type"}:
        names = ", ".join(_settings_at(location))
        return f"{name}: must be a group of settings" + (f": {names}" if names else "")
    meaning = _meaning(location)
    message = _WORDS.get(item["type"], "").format(**item.get("ctx", {})) or item["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{name}: {'its name ' if '[key]' in parts else ''}{message}" + (f" ({meaning})" if meaning else "")


def _meaning(location: list[str]) -> str:
    """Return what the setting at a location of pydantic's means; for an item or a name, what its group does."""
    if location[-1:] == ["[key]"]:
        location = location[:-2]
    elif location and location[-1].isdecimal():
        location = location[:-1]
    return _settings_at(location[:-1]).get(location[-1], "") if location else ""


def _settings_at(location: list[str]) -> dict[str, str]:
    """Return the settings of the section at a location of pydantic's, with what they mean; none if it is no section."""
    annotation: Any = Settings
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            # A choice of a union is a part of its own; any other part is a key, and the section its value.
            choices = get_args(annotation) or (None,)
            annotation = choices[FLOWS.index(part)] if part in FLOWS else choices[-1]
    fields = getattr(annotation, "model_fields", {})
    return {name: field.description or "" for name, field in fields.items()}
