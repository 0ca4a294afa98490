"""One org's rows in SQLite: a table for each sObject, a column for each field that is no compound.

Tables and columns carry canonical names. Text that Salesforce compares without case is declared
`COLLATE NOCASE`, which means every alphabet here (`folding.py`). Every table has `IsDeleted` and who made
and changed the row and when, also where the sObject has no such fields, and how often the row was written.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from service.emulator import folding, sql_functions
from service.emulator.decimals import DIGITS
from service.emulator.lending import LendableConnection
from service.emulator.schema.model import Field, FieldType, Schema, SObject
from service.emulator.search import terms
from service.emulator.values import ID_TYPES, NUMBER_TYPES, Stored, places

WRITES_COLUMN = "#writes"
"""The column that counts how often a row was written; no field has such a name."""

AUDIT_COLUMNS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
"""The columns behind the audit fields."""

Kind = Literal["inserted", "updated", "deleted"]
"""What may be done to a row."""

_STATEMENTS = 512
_FOLDED = 1
"""The user version of a database whose indexes are in the order of `folding.compare`."""
_INTEGERS: frozenset[FieldType] = frozenset({"boolean", "int", "long"})
_CASELESS: frozenset[FieldType] = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "encryptedstring"}
)
_NUMBER = re.compile(r"INTEGER\(\d+, (\d+)\)")
"""The declaration of a column of numbers; the second figure says how many of its digits are behind the point."""
_INDEXED_MOMENTS = ("CreatedDate", "SystemModstamp")
"""What is new since some moment is asked for most; names are not, as their order may be worked out in Python."""
_UNINDEXED_REFERENCES = frozenset({"CreatedById", "LastModifiedById"})


def quoted(name: str) -> str:
    """Return a table or column name as SQL takes it; API names hold no quotes, and one that did is doubled."""
    return '"' + name.replace('"', '""') + '"'


class Store:
    """The rows of one org.

    Calls are synchronous and short; SQLite is opened so that one thread may make the org and
    another serve it, never both at once, beside a query that borrows the connection.

    Args:
        schema: Gives the tables; columns that a database file lacks are added to it.
        path: A database file, or `:memory:`.
        source: A database to start with a copy of; None for none. What `path` held is gone then.
        like: A store of the same schema to start with a copy of, with all its tables; None for none.

    Raises:
        sqlite3.Error: The file is no database or cannot be opened.

    """

    def __init__(
        self, schema: Schema, path: str = ":memory:", source: Path | None = None, like: "Store | None" = None
    ) -> None:
        self.connection = sqlite3.connect(
            path,
            isolation_level=None,
            cached_statements=_STATEMENTS,
            check_same_thread=False,
            factory=LendableConnection,
        )
        if source is not None:
            with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as saved:
                saved.backup(self.connection)
        if like is not None:
            like.connection.backup(self.connection)
        # An emulated org may lose its last rows when the machine dies, never its consistency.
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("PRAGMA temp_store = MEMORY")
        folding.add_functions(self.connection)
        sql_functions.add_functions(self.connection)
        terms.add_functions(self.connection)
        self.written: dict[tuple[str, Kind], int] = {}
        """Rows written since they were counted last, by sObject and what was done; what was undone never counts."""
        self._depth = 0
        self._folding = self._late = False
        if self.one("PRAGMA user_version") == (_FOLDED,):
            self.fold_case()
        if like is None:
            with self.savepoint():
                for sobject in schema.sobjects:
                    self._create_table(sobject)

    def fold_case(self) -> None:
        """Compare text without case in every alphabet from now on; to be called before the first text beyond ASCII.

        Until then the indexes hold ASCII only, which both collations put in one order, so they stay as they are.
        While a query is being read SQLite cannot change over; the next call does it then, and puts the indexes in
        order. The file remembers it.
        """
        if self._folding:
            return
        try:
            self.connection.create_collation(folding.COLLATION, folding.compare)
        except sqlite3.OperationalError:
            self._late = True
            return
        if self._late:
            self.connection.execute(f"REINDEX {folding.COLLATION}")
        self.connection.execute(f"PRAGMA user_version = {_FOLDED}")
        self._folding = True

    def save(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Copy everything to a file, which appears whole or not at all.

        Args:
            path: Where to; a file there is replaced.
            prepare: Adds to the copy before it appears.

        Raises:
            OSError: The file cannot be written.
            sqlite3.Error: The same, as SQLite says it.

        """
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            self.connection.backup(copy)
            folding.add_functions(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            prepare(copy)
        unfinished.replace(path)

    def close(self) -> None:
        """Close the database; rows in memory are gone."""
        self.connection.close()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Make everything inside one change: undone whole when the block raises. Blocks may nest."""
        name = f"level_{self._depth}"
        self.connection.execute(f"SAVEPOINT {name}")
        self._depth += 1
        written = self.written.copy()
        try:
            yield
        except BaseException:
            self.connection.execute(f"ROLLBACK TO {name}")
            self.written = written
            raise
        finally:
            self._depth -= 1
            self.connection.execute(f"RELEASE {name}")

    def one(self, sql: str, parameters: Sequence[Stored] = ()) -> tuple[Stored, ...] | None:
        """Return the first row of a SELECT, or None."""
        row: tuple[Stored, ...] | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def every(self, sql: str, parameters: Sequence[Stored] = ()) -> list[tuple[Stored, ...]]:
        """Return all rows of a SELECT."""
        return self.connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Stored] | Mapping[str, Stored] = ()) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it touched.

        Raises:
            sqlite3.IntegrityError: A unique field would hold a value twice; nothing was changed.

        """
        return self.connection.execute(sql, parameters).rowcount

    def note(self, sobject: str, kind: Kind) -> None:
        """Count a row that was written.

        Args:
            sobject: Canonical name.
            kind: What was done.

        """
        self.written[sobject, kind] = self.written.get((sobject, kind), 0) + 1

    def _create_table(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        columns = _columns(sobject)
        definition = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({definition})")
        present = {str(row[1]): str(row[2]) for row in self.every(f"PRAGMA table_info({table})")}
        for name, kind in columns.items():
            if name not in present:
                self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {kind}")
            elif _NUMBER.fullmatch(kind) and present[name] != kind:
                self._store_anew(sobject, name, present[name], kind)
        for statement in _indexes(sobject):
            self.connection.execute(statement)

    def _store_anew(self, sobject: SObject, name: str, old: str, new: str) -> None:
        """Store the numbers of a column as its declaration says now: those of older files are floats."""
        table, column, unfinished = quoted(sobject.name), quoted(name), quoted(f"#{name}")
        before, after = (_NUMBER.fullmatch(kind) for kind in (old, new))
        shift = int(after[1] if after else 0) - int(before[1] if before else 0)
        if before is None:
            value = f"CAST(round({column} * {10.0**shift}) AS INTEGER)"
        elif shift >= 0:
            value = f"{column} * {10**shift}"
        else:
            value = f"({column} + sign({column}) * {10**-shift // 2}) / {10**-shift}"
        self.connection.execute(f"DROP INDEX IF EXISTS {quoted(f'{sobject.name}.{name}')}")
        self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {unfinished} {new}")
        self.connection.execute(f"UPDATE {table} SET {unfinished} = {value}")  # noqa: S608 - names of the schema
        self.connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        self.connection.execute(f"ALTER TABLE {table} RENAME COLUMN {unfinished} TO {column}")


def _columns(sobject: SObject) -> dict[str, str]:
    columns = {field.name: _column_type(field) for field in sobject.fields if field.stored}
    columns["Id"] = "TEXT NOT NULL PRIMARY KEY"
    columns["IsDeleted"] = "INTEGER NOT NULL DEFAULT 0"
    columns[WRITES_COLUMN] = "INTEGER NOT NULL DEFAULT 0"
    for name in AUDIT_COLUMNS:
        columns.setdefault(name, "TEXT")
    return columns


def _column_type(field: Field) -> str:
    if field.type in _INTEGERS:
        return "INTEGER NOT NULL DEFAULT 0" if field.type == "boolean" else "INTEGER"
    if field.type in NUMBER_TYPES:
        return f"INTEGER({field.precision or DIGITS}, {places(field)})"
    if field.type in _CASELESS and not field.case_sensitive:
        return f"TEXT COLLATE {folding.COLLATION}"
    return "TEXT"


def _indexes(sobject: SObject) -> Iterable[str]:
    table = quoted(sobject.name)
    for name in _INDEXED_MOMENTS:
        yield f"CREATE INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{name}')} ON {table} ({quoted(name)})"
    for field in sobject.fields:
        column = quoted(field.name)
        index = quoted(f"{sobject.name}.{field.name}")
        if field.name == "Id" or field.name in _UNINDEXED_REFERENCES:
            continue
        if field.unique:
            where = f'WHERE {column} IS NOT NULL AND "IsDeleted" = 0'
            yield f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table} ({column}) {where}"
        elif field.external_id or field.id_lookup or field.type in ID_TYPES:
            yield f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({column}) WHERE {column} IS NOT NULL"
