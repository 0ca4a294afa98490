"""XML files as trees, read so that a hostile file can neither reach out nor grow.

A document type declaration is refused, and with it every entity but the five XML has itself.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from service.emulator.definition.model import DefinitionError

MAXIMUM_BYTES = 20_000_000
_MAXIMUM_DEPTH = 50


@dataclass(slots=True)
class Element:
    """One element: its name without namespace, its text and its children in order."""

    name: str
    line: int
    """Where it starts, from 1."""
    text: str = ""
    """The text between its tags, without spaces at the ends."""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        """Return the first child of a name, or None."""
        return next((child for child in self.children if child.name == name), None)

    def every(self, name: str) -> list["Element"]:
        """Return all children of a name."""
        return [child for child in self.children if child.name == name]

    def value(self, name: str) -> str | None:
        """Return the text of the first child of a name; None when it is absent or empty."""
        child = self.child(name)
        return child.text or None if child else None


def read_xml(path: Path) -> Element:
    """Return the root element of a file.

    Raises:
        DefinitionError: The file cannot be read, is too large, declares a document type or is no XML.

    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise DefinitionError(path, f"the file is larger than {MAXIMUM_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise DefinitionError(path, f"cannot be read: {error.strerror}") from None
    return _Reader(path).read(content)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Element] = []
        self._root: Element | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, content: bytes) -> Element:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            text = f"line {error.lineno}: {expat.ErrorString(error.code)}"
            raise DefinitionError(self._path, text) from None
        except (LookupError, ValueError) as error:
            if isinstance(error, DefinitionError):
                raise
            raise DefinitionError(self._path, f"line {self._line}: {error}") from None
        if self._root is None:
            raise DefinitionError(self._path, "the file holds no element")
        return self._root

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    def _doctype(self, *_: object) -> None:
        raise DefinitionError(self._path, f"line {self._line}: a document type declaration is refused")

    def _start(self, name: str, _attributes: object) -> None:
        if len(self._open) >= _MAXIMUM_DEPTH:
            raise DefinitionError(self._path, f"line {self._line}: elements are nested too deep")
        element = Element(name.rpartition(":")[2], self._line)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text
