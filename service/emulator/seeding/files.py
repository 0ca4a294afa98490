"""Files of rows: CSV named after its object, JSON trees and the plans that list them.

Source: Salesforce CLI, `data import tree`, `data export tree`.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

MAXIMUM_BYTES = 500_000_000
_MAXIMUM_CELL = 200_000
_NULL = "#N/A"
_MAXIMUM_DEPTH = 5


class SeedError(ValueError):
    """A file of rows that cannot be read, or a row that the org refuses."""


@dataclass(frozen=True, slots=True)
class SeedRecord:
    """One row as a file has it."""

    sobject: str
    """API name, in any case."""
    values: Mapping[str, object]
    """JSON values by field name; `@name` in a reference stands for the row of that name. An entry `Id` is the id the
    row had where it came from, and other rows may refer to it by that."""
    name: str | None
    """What other rows of the file call it."""
    place: str
    """File and number of the row, for messages."""
    parent: tuple[str, "SeedRecord"] | None = None
    """For a row nested in another: the child relationship it is in, and the row around it."""


def read_seed(path: Path) -> Iterator[SeedRecord]:
    """Read the rows of a file; a plan's files are read in its order.

    Args:
        path: `Account.csv`, or JSON: `{"records": […]}`, a list of records, or a list of `{"sobject", "files"}`.

    Raises:
        SeedError: The file cannot be read or is of no such shape.

    """
    if path.suffix.lower() == ".csv":
        yield from _csv_records(path)
    elif path.suffix.lower() == ".json":
        yield from _json_records(path, _json(path))
    else:
        raise SeedError(f"{path}: rows come from .csv and .json files")


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise SeedError(f"{path}: the file is larger than {MAXIMUM_BYTES} bytes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SeedError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SeedError(f"{path}: is not UTF-8") from None


def _csv_records(path: Path) -> Iterator[SeedRecord]:
    sobject = path.name.partition(".")[0]
    rows = csv.reader(io.StringIO(_content(path), newline=""), strict=True)
    try:
        csv.field_size_limit(_MAXIMUM_CELL)
        header = next(rows, None)
        if not header or not all(header):
            raise SeedError(f"{path}: the first row has to name the fields")
        for number, row in enumerate(rows, 1):
            if not row:
                continue
            place = f"{path}, row {number}"
            if len(row) != len(header):
                raise SeedError(f"{place}: has {len(row)} cells, the header has {len(header)}")
            yield SeedRecord(sobject, _cells(header, row), None, place)
    except csv.Error as error:
        raise SeedError(f"{path}, line {rows.line_num}: is no CSV: {error}") from None


def _cells(header: list[str], row: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for column, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        relationship, dot, key = column.partition(".")
        value = None if cell == _NULL else cell
        values[relationship] = {key: value} if dot and value is not None else value
    return values


def _json(path: Path) -> object:
    try:
        return json.loads(_content(path), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        if isinstance(error, SeedError):
            raise
        raise SeedError(f"{path}: is no JSON: {error}") from None


def _json_records(path: Path, document: object) -> Iterator[SeedRecord]:
    if isinstance(document, list) and document and all(_is_plan_step(step) for step in document):
        for step in document:
            for name in step["files"]:
                file = path.parent / name
                yield from _tree(file, _json(file), step["sobject"])
        return
    yield from _tree(path, document, None)


def _is_plan_step(step: object) -> bool:
    return (
        isinstance(step, dict)
        and isinstance(step.get("files"), list)
        and all(isinstance(name, str) for name in step["files"])
        and isinstance(step.get("sobject"), str)
    )


def _tree(path: Path, document: object, sobject: str | None) -> Iterator[SeedRecord]:
    records = document.get("records") if isinstance(document, dict) else document
    if not isinstance(records, list):
        raise SeedError(f'{path}: has to be {{"records": […]}}, a list of records, or a plan')
    for number, record in enumerate(records, 1):
        yield from _nested(record, f"{path}, record {number}", sobject, None, 1)


def _nested(
    record: object, place: str, sobject: str | None, parent: tuple[str, SeedRecord] | None, depth: int
) -> Iterator[SeedRecord]:
    if not isinstance(record, dict):
        raise SeedError(f"{place}: a record has to be an object")
    if depth > _MAXIMUM_DEPTH:
        raise SeedError(f"{place}: records are nested more than {_MAXIMUM_DEPTH} deep")
    attributes = record.get("attributes")
    named = attributes.get("type") if isinstance(attributes, dict) else sobject
    if not isinstance(named, str):
        raise SeedError(f"{place}: attributes.type has to name the object")
    name = attributes.get("referenceId") if isinstance(attributes, dict) else None
    children = {key: value["records"] for key, value in record.items() if _holds_records(value)}
    values = {key: value for key, value in record.items() if key != "attributes" and key not in children}
    made = SeedRecord(named, values, name if isinstance(name, str) else None, place, parent)
    yield made
    for relationship, held in children.items():
        for number, child in enumerate(held, 1):
            yield from _nested(child, f"{place}, {relationship} {number}", None, (relationship, made), depth + 1)


def _holds_records(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("records"), list)
