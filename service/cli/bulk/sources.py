"""The files of a run, as the command line or a plan file names them, and the columns that they have."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from service.bulk.data.columns import RESULT_COLUMNS
from service.bulk.data.dialect import Delimiter, Dialect
from service.bulk.data.kinds import other_kind

_NAMED = re.compile(r"(?P<file>.+?):(?P<object>[A-Za-z]\w{0,79})(?::(?P<key>[A-Za-z]\w{0,79}))?")
_LONGEST_HEADER = 1_048_576
_DELIMITERS = {
    "comma": Delimiter.COMMA,
    "tab": Delimiter.TAB,
    "semicolon": Delimiter.SEMICOLON,
    "pipe": Delimiter.PIPE,
    "caret": Delimiter.CARET,
    "backquote": Delimiter.BACKQUOTE,
}
_NOTHING: Mapping[str, str] = {}


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of CSV and what becomes of its rows."""

    file: str
    """Its path."""
    object: str
    """API name of the sObject."""
    external_id: str = ""
    operation: Literal["", "insert", "update", "upsert"] = ""
    """Empty means an upsert if there is an external id, and an insert otherwise."""
    map: Mapping[str, str] = _NOTHING
    """Fields by column; an empty one leaves the column out."""
    constants: Mapping[str, str] = _NOTHING
    """Values by field, the same in all rows."""
    null_text: str | None = None
    delimiter: Literal["comma", "tab", "semicolon", "pipe", "caret", "backquote"] | None = None
    assignment_rule: str = ""
    one_part_at_a_time: bool = False

    @property
    def action(self) -> Literal["insert", "update", "upsert"]:
        """What is done with each row."""
        return self.operation or ("upsert" if self.external_id else "insert")

    @property
    def name(self) -> str:
        """What the file is called."""
        return Path(self.file).name

    @property
    def key_field(self) -> str:
        """The field that finds a row's record; empty for an insert."""
        return {"upsert": self.external_id, "update": "Id", "insert": ""}[self.action]

    def target(self, column: str) -> str:
        """Return the field of a column; empty if it is left out, as what a load before has told of the row is."""
        return self.map.get(column, "" if column in RESULT_COLUMNS else column)


class _PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    load: list[Source]


def named(text: str) -> Source:
    """Read `FILE:Object` or `FILE:Object:ExternalIdField`.

    Raises:
        ValueError: It is neither.

    """
    found = _NAMED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} must be FILE:Object or FILE:Object:ExternalId, such as accounts.csv:Account:Ext__c")
    return Source(file=str(Path(found["file"]).resolve()), object=found["object"], external_id=found["key"] or "")


def planned(path: Path) -> list[Source]:
    """Read a plan file: TOML with a table `[[load]]` for each file, whose paths begin where the plan file is.

    Raises:
        ValueError: It is none.
        OSError: It cannot be read.

    """
    try:
        plan = msgspec.toml.decode(path.read_bytes(), type=_PlanFile)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return [msgspec.structs.replace(each, file=str((path.parent / each.file).resolve())) for each in plan.load]


def check(sources: Sequence[Source]) -> None:
    """Refuse files that cannot be a run.

    Raises:
        ValueError: There is none, one is named twice or is no CSV, or an external id and an operation do not fit.
        OSError: One cannot be read.

    """
    if not sources:
        raise ValueError("name the files as FILE:Object:ExternalId, or in a --plan, or a run to go on with by --resume")
    seen: set[str] = set()
    for source in sources:
        if source.file in seen:
            raise ValueError(f"{source.name} is named twice; give each load a file of its own")
        seen.add(source.file)
        if Path(source.file).suffix in {".json", ".jsonl", ".ndjson"}:
            raise ValueError(f"{source.name}: a run takes CSV; load JSON Lines by `sluicegate bulk load`")
        if (source.action == "upsert") != bool(source.external_id):
            raise ValueError(f"{source.name}: an upsert needs an external id, and other operations have none")
        if not Path(source.file).is_file():
            raise FileNotFoundError(f"there is no file {source.file}")


def delimiter_of(source: Source) -> str:
    """Return what stands between the cells of a file.

    Raises:
        OSError: It cannot be read.

    """
    return delimiter_in(Path(source.file), source.delimiter)


def delimiter_in(path: Path, name: str | None) -> str:
    """Return what stands between the cells of a file: what has that name, or else what its header is written with.

    Raises:
        OSError: It cannot be read.

    """
    with path.open("rb") as file:
        first = file.read(_LONGEST_HEADER).lstrip(b"\xef\xbb\xbf\r\n")
    return Dialect(_DELIMITERS[name] if name else None).delimiter_of(_line(first)).text


def rows_of(path: Path, delimiter: str) -> Iterator[list[str]]:
    """Yield the header of a file and then its rows, numbered as the service numbers them: empty lines do not count.

    Raises:
        ValueError: A row is not CSV, or not UTF-8.
        OSError: The file cannot be read.

    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    yield row
        except csv.Error as error:
            raise ValueError(f"{path.name}, line {reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            with path.open("rb") as begin:
                kind = other_kind(begin.read(8)) or "not UTF-8; save it as UTF-8"
            raise ValueError(f"{path.name} is {kind}") from None


def header_of(source: Source) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        ValueError: It has none, or a column is mapped that it does not have.
        OSError: It cannot be read.

    """
    header = next(rows_of(Path(source.file), delimiter_of(source)), None)
    if header is None:
        raise ValueError(f"{source.name} is empty; begin with a header row of field names")
    for column in source.map:
        if column not in header:
            raise ValueError(f"{source.name} has no column {column!r}, which is mapped; it has: {', '.join(header)}")
    return header


def has_rows(path: Path, delimiter: str) -> bool:
    """Tell whether anything follows the header of a file.

    Raises:
        ValueError: Its first rows are not CSV, or not UTF-8.
        OSError: It cannot be read.

    """
    rows = rows_of(path, delimiter)
    next(rows, None)
    return next(rows, None) is not None


def _line(data: bytes) -> bytes:
    """Return the first line that ends outside quotes."""
    end = data.find(b"\n")
    while end >= 0 and data.count(b'"', 0, end) % 2:
        end = data.find(b"\n", end + 1)
    return data if end < 0 else data[:end]
