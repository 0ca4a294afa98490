"""The files of an SFDX project or a metadata folder, gathered by object.

Source: Salesforce DX Developer Guide, "Salesforce DX Project Structure and Source Format"; Salesforce Metadata API,
"CustomObject".
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from service.emulator.definition.model import DefinitionError
from service.emulator.definition.xml_tree import Element, read_xml

_SKIPPED = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One element and the file it is in."""

    path: Path
    element: Element
    name: str
    """API name."""


@dataclass(slots=True)
class ObjectPieces:
    """What the files say of one object."""

    objects: list[Piece] = field(default_factory=list)
    fields: list[Piece] = field(default_factory=list)
    record_types: list[Piece] = field(default_factory=list)
    validation_rules: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Pieces:
    """What the files say, by API name of the object."""

    objects: dict[str, ObjectPieces] = field(default_factory=dict)
    value_sets: list[Piece] = field(default_factory=list)

    def of(self, sobject: str) -> ObjectPieces:
        """Return what is said of an object, nothing at first."""
        return self.objects.setdefault(sobject, ObjectPieces())


def metadata_files(folder: Path) -> Iterator[Path]:
    """Walk the metadata files below a folder in a fixed order, without links to folders and hidden folders."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(files):
            if is_metadata(Path(name)):
                yield Path(root, name)


def is_metadata(path: Path) -> bool:
    """Tell by its name whether a file is one that `gather` reads."""
    return _taker(path) is not None


def gather(path: Path, pieces: Pieces) -> None:
    """Add what one metadata file says.

    Raises:
        DefinitionError: The file is no XML, is of another kind than its name says, or lacks its name.

    """
    taker = _taker(path)
    if taker is None:
        raise DefinitionError(path, "the name is of no kind of metadata that is read")
    kind, take = taker
    root = read_xml(path)
    if root.name != kind:
        raise DefinitionError(path, f"line {root.line}: the element has to be {kind}, not {root.name}")
    take(path, root, pieces)


def _take_object(path: Path, root: Element, pieces: Pieces) -> None:
    held = pieces.of(_stem(path))
    held.objects.append(Piece(path, root, _stem(path)))
    for element, parts in (
        ("fields", held.fields),
        ("recordTypes", held.record_types),
        ("validationRules", held.validation_rules),
    ):
        parts.extend(Piece(path, each, _full_name(path, each)) for each in root.every(element))


def _part_taker(of: Callable[[ObjectPieces], list[Piece]]) -> Callable[[Path, Element, Pieces], None]:
    def take(path: Path, root: Element, pieces: Pieces) -> None:
        sobject = path.absolute().parent.parent.name  # objects/<object>/fields/<field>.field-meta.xml
        of(pieces.of(sobject)).append(Piece(path, root, root.value("fullName") or _stem(path)))

    return take


def _take_value_set(path: Path, root: Element, pieces: Pieces) -> None:
    pieces.value_sets.append(Piece(path, root, _stem(path)))


def _full_name(path: Path, element: Element) -> str:
    name = element.value("fullName")
    if name is None:
        raise DefinitionError(path, f"line {element.line}, {element.name}: fullName is missing")
    return name


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


_Take = Callable[[Path, Element, Pieces], None]
_TAKERS: dict[str, tuple[str, _Take]] = {
    "object": ("CustomObject", _take_object),
    "field": ("CustomField", _part_taker(lambda held: held.fields)),
    "recordType": ("RecordType", _part_taker(lambda held: held.record_types)),
    "validationRule": ("ValidationRule", _part_taker(lambda held: held.validation_rules)),
    "globalValueSet": ("GlobalValueSet", _take_value_set),
}
_WHOLE_FILES = frozenset({"object", "globalValueSet"})


def _taker(path: Path) -> tuple[str, _Take] | None:
    _, _, kind = path.name.partition(".")
    bare = kind.removesuffix("-meta.xml")
    if bare == kind and kind not in _WHOLE_FILES:
        return None
    return _TAKERS.get(bare)
