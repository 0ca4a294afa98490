"""One org in one SQLite file: its rows, and what it is made of.

Access tokens, passwords and bulk jobs are not in it: an org that is loaded has new ones.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from service.emulator.definition.model import Definition
from service.emulator.record_types import RecordType
from service.emulator.schema import ChildRelationship, Field, PicklistValue, Schema, SObject
from service.emulator.validation import ValidationRule

_TABLE = "emulator_definition"
_FORMAT = 2
_READABLE = (1, _FORMAT)
"""The first had numbers as floats; their columns say so, and are stored anew when the file is loaded."""


class SnapshotError(ValueError):
    """A file that holds no org."""


def write_definition(connection: sqlite3.Connection, definition: Definition) -> None:
    """Put what an org is made of beside its rows.

    Rules that are functions of Python are left out: a file cannot hold them.

    Args:
        connection: The database.
        definition: What the org is made of.

    """
    rules = [asdict(rule) for rule in definition.validation_rules if isinstance(rule.condition, str)]
    document = {
        "format": _FORMAT,
        "sobjects": [_plain(sobject) for sobject in definition.schema.sobjects],
        "record_types": [asdict(each) for each in definition.record_types],
        "validation_rules": rules,
    }
    connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (document TEXT NOT NULL)")
    connection.execute(f"DELETE FROM {_TABLE}")  # noqa: S608 - a name of this module
    connection.execute(f"INSERT INTO {_TABLE} VALUES (?)", (json.dumps(document),))  # noqa: S608


def read_snapshot(path: Path) -> tuple[Definition, str]:
    """Return what the org of a file is made of, and its id.

    Raises:
        SnapshotError: The file is not there, is no database or holds no org that was saved.

    """
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such file")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (text,) = connection.execute(f"SELECT document FROM {_TABLE}").fetchone() or ("",)  # noqa: S608
            (org_id,) = connection.execute('SELECT "Id" FROM "Organization"').fetchone() or ("",)
        return _definition(json.loads(text)), str(org_id)
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SnapshotError(f"{path}: holds no org that was saved: {error}") from None


def _definition(document: Any) -> Definition:
    if document["format"] not in _READABLE:
        raise ValueError(f"its format is {document['format']}, and only {' and '.join(map(str, _READABLE))} are known")
    return Definition(
        Schema(_sobject(each) for each in document["sobjects"]),
        tuple(RecordType(**each) for each in document["record_types"]),
        tuple(ValidationRule(**each) for each in document["validation_rules"]),
    )


def _plain(sobject: SObject) -> dict[str, object]:
    held = {each.name: getattr(sobject, each.name) for each in fields(sobject) if each.init}
    return held | {
        "fields": [asdict(each) for each in sobject.fields],
        "child_relationships": [asdict(each) for each in sobject.child_relationships],
    }


def _sobject(given: Any) -> SObject:
    made = [
        Field(
            **{
                **each,
                "picklist": tuple(PicklistValue(**value) for value in each["picklist"]),
                "reference_to": tuple(each["reference_to"]),
            }
        )
        for each in given["fields"]
    ]
    children = tuple(ChildRelationship(**each) for each in given["child_relationships"])
    scopes = tuple((name, label) for name, label in given["scopes"])
    return SObject(**{**given, "fields": tuple(made), "child_relationships": children, "scopes": scopes})
