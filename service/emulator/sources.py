"""Where orgs come from: the files that make them, fill them and keep them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class OrgSource:
    """The files of one org."""

    name: str = ""
    """What people call the org; fault rules may, too."""
    schema: tuple[Path, ...] = ()
    """Describe answers, SFDX folders and metadata files; see `load_definition`."""
    seed: tuple[Path, ...] = ()
    """CSV files, JSON trees and plans; see `read_seed`."""
    load: Path | None = None
    """A file that `save` wrote: the org starts with its objects and rows, and `schema` and `seed` add to them."""
    save: Path | None = None
    """Where the org goes when the emulator stops; a file there is replaced."""


def read_sources(path: Path) -> tuple[OrgSource, ...]:
    """Read a YAML file of orgs: names, each with `schema`, `seed`, `load` and `save`; paths are relative to the file.

    Raises:
        ValueError: The file cannot be read, is no YAML or says something else; the text names the place.

    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: is no YAML: {error}") from None
    if not isinstance(document, dict) or not document:
        raise ValueError(f"{path}: has to hold the names of orgs, each with schema, seed, load or save")
    return tuple(_source(path, name, given) for name, given in document.items())


def _source(path: Path, name: object, given: object) -> OrgSource:
    place = f"{path}: {name}"
    if not isinstance(name, str) or not name:
        raise ValueError(f"{place}: the name of an org has to be text")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ValueError(f"{place}: has to hold schema, seed, load or save")  # noqa: TRY004 - a fault of the file
    unknown = sorted(str(key) for key in given.keys() - {"schema", "seed", "load", "save"})
    if unknown:
        raise ValueError(f"{place}: {unknown[0]} is not known; there are schema, seed, load and save")
    return OrgSource(
        name=name,
        schema=_paths(path, place, given, "schema"),
        seed=_paths(path, place, given, "seed"),
        load=next(iter(_paths(path, place, given, "load")), None),
        save=next(iter(_paths(path, place, given, "save")), None),
    )


def _paths(path: Path, place: str, given: Mapping[str, Any], key: str) -> tuple[Path, ...]:
    value = given.get(key, [])
    several = value if isinstance(value, list) and key in {"schema", "seed"} else [value] if value != [] else []
    if not all(isinstance(each, str) and each for each in several):
        raise ValueError(f"{place}: {key} has to be a path{' or a list of them' if key in {'schema', 'seed'} else ''}")
    return tuple(path.parent / each for each in several)
