"""One emulated Salesforce org: a schema, rows, users and queries, without any HTTP."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from service.clock import Clock
from service.emulator import ids
from service.emulator.assignment import AssignmentRules
from service.emulator.blueprint import Blueprint
from service.emulator.deletion import Deletion
from service.emulator.duplicates import DuplicateRules
from service.emulator.engine import QueryResult, run
from service.emulator.engine.effort import Postponed
from service.emulator.engine.explain import explain
from service.emulator.guards import Guards
from service.emulator.reading import Reading
from service.emulator.recent import Recent
from service.emulator.record_types import RecordType, RecordTypes
from service.emulator.recycle_bin import RecycleBin
from service.emulator.references import References
from service.emulator.rows import Rows, Saved
from service.emulator.schema import Schema
from service.emulator.schema.describe import describe, describe_global, sobject_info
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.search.run import run_search
from service.emulator.search.statement import Search
from service.emulator.seed import Seed, plant
from service.emulator.sequences import Sequences
from service.emulator.sql_functions import zone
from service.emulator.store import Store, quoted
from service.emulator.validation import ValidationRules
from service.emulator.values import Stored, epoch_seconds
from service.emulator.write_counts import WriteCounts
from service.emulator.write_options import PLAIN, WriteOptions

__all__ = ["DEFAULT_API_VERSION", "DEFAULT_ORG_ID", "DEFAULT_USERNAME", "Org", "QueryResult", "Saved"]

T = TypeVar("T")

DEFAULT_API_VERSION = "66.0"
DEFAULT_ORG_ID = ids.from_counter("00D", 1)
DEFAULT_USERNAME = "admin@emulator.example"


class Org:
    """One org of the emulator.

    Names of sObjects and fields are taken in any case and given back in theirs. Ids are taken with
    15 or 18 characters and given back with 18. Row calls are synchronous; one takes tens of
    microseconds. Every refusal is a `SalesforceFault`, and a refused call changes nothing.

    Args:
        schema: What the org knows; None means the standard objects.
        clock: Dates rows and evaluates date literals.
        org_id: The org's own id. Two of its characters go into the ids of all its rows.
        name: What the org is called.
        path: A SQLite file that keeps the rows, or `:memory:`. A file made by an org with fewer
            fields is extended.
        username: Of the administrator, who is made with the org; a file that has one keeps its own.
        source: A database file to start with a copy of; None for none.

        organization_type: Its edition, as the Organization record has it.
        blueprint: What orgs of this schema have in common, so that this one, in memory, begins faster.

    Raises:
        ValueError: `org_id` is no id of an org, or the file holds another org.
        sqlite3.Error: The file cannot be opened or is no database.

    """

    def __init__(  # noqa: PLR0913 - what an org may be told
        self,
        schema: Schema | None = None,
        *,
        clock: Clock,
        org_id: str = DEFAULT_ORG_ID,
        name: str = "Emulated Org",
        path: str = ":memory:",
        username: str = DEFAULT_USERNAME,
        source: Path | None = None,
        organization_type: str = "Developer Edition",
        blueprint: Blueprint | None = None,
    ) -> None:
        normal = ids.normalise(org_id)
        if normal is None or not normal.startswith("00D"):
            raise ValueError(f"org_id has to be an id that starts with 00D, not {org_id!r}")
        self.id = normal
        self.name = name
        self.schema = schema if schema is not None else Schema(STANDARD_OBJECTS)
        self._clock = clock
        common = blueprint if blueprint is not None and blueprint.schema is self.schema else None
        alone = common is None or path != ":memory:" or source is not None
        self._store = Store(self.schema, path, source) if common is None or alone else common.store()
        self._references = References(self.schema, self._store, common.plans if common is not None else None)
        pod = normal[13:15]
        sequences = Sequences(self._store, pod)
        self._reading = Reading(self._store, self._references)
        self._record_types = RecordTypes(self._store)
        self.duplicate_rules = DuplicateRules(
            self._store, lambda name, key, fields, version: self.get(name, key, fields, api_version=version)
        )
        """Rows the org would rather not have twice; off at first."""
        self.validation_rules = ValidationRules(
            self.schema, lambda known, key: self._references.row(self._references.plan(known.name), key)
        )
        """What the org's administrator forbids; nothing at first."""
        self.assignment_rules = AssignmentRules(pod)
        """Who owns new leads and cases; whoever makes them at first."""
        guards = Guards(
            self._store,
            self._record_types,
            self.duplicate_rules,
            self.validation_rules,
            self.assignment_rules,
            clock,
        )
        self._rows = Rows(self._store, self._references, sequences, clock, guards)
        self.recycle_bin = RecycleBin(
            self.schema,
            self._store,
            self._references,
            clock,
            in_file=source is not None or path not in {"", ":memory:"},
        )
        """The deleted rows."""
        self.writes = WriteCounts(self._store, self._references)
        """How often rows were written, by whomever, since the org was made or the counts were forgotten."""
        self._recent = Recent(self._store)
        self._described_at = int(clock.now())
        self._turn = asyncio.Lock()
        self._deletion = Deletion(self.schema, self._store, self._references, self._rows)
        self.admin_id = ids.from_counter("005", 1, pod)
        """The id of the administrator."""
        plant(Seed(normal, name, self.admin_id, username, organization_type), self._store, self._references, self._rows)
        self.writes.forget()

    def save(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Copy all rows to a file; see `Store.save`."""
        self._store.save(path, prepare)

    def close(self) -> None:
        """Let go of the database; rows of an org in memory are gone."""
        self._store.close()

    def create(self, sobject: str, values: Mapping[str, object], *, user_id: str, options: WriteOptions = PLAIN) -> str:
        """Create a record.

        Args:
            sobject: Its API name.
            values: JSON values by field name; a lookup may be `{"Account": {"Ext__c": "A-1"}}`. An entry
                `attributes` is skipped.
            user_id: Who creates it and, unless `OwnerId` is given, owns it.
            options: What the headers of a call say.

        Returns:
            The id.

        Raises:
            SalesforceFault: In the order of `Rows`: INVALID_FIELD, JSON_PARSER_ERROR,
                INVALID_FIELD_FOR_INSERT_UPDATE, REQUIRED_FIELD_MISSING, STRING_TOO_LONG and its like,
                MALFORMED_ID, INVALID_CROSS_REFERENCE_KEY, INACTIVE_OWNER_OR_USER, DUPLICATE_VALUE,
                DUPLICATES_DETECTED, FIELD_CUSTOM_VALIDATION_EXCEPTION; NOT_FOUND for the sObject.

        """
        record_id = self._rows.create(sobject, values, user_id=user_id, options=options)
        if options.update_recent:
            self.note_used(sobject, record_id, user_id=user_id)
        return record_id

    def update(
        self,
        sobject: str,
        record_id: str,
        values: Mapping[str, object],
        *,
        user_id: str,
        options: WriteOptions = PLAIN,
    ) -> None:
        """Change the fields given; null empties a field, an absent one stays.

        Args:
            sobject: API name.
            record_id: Which record.
            values: JSON values by field name, `Id` not among them.
            user_id: Who changes it.
            options: What the headers of a call say.

        Raises:
            SalesforceFault: As `create`; NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID for the record.

        """
        self._rows.update(sobject, record_id, values, user_id=user_id, options=options)
        if options.update_recent:
            self.note_used(sobject, record_id, user_id=user_id)

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        external_id: str,
        values: Mapping[str, object],
        *,
        user_id: str,
        update_only: bool = False,
        options: WriteOptions = PLAIN,
    ) -> Saved:
        """Update the record that has an external id, or create one with it.

        Args:
            sobject: API name.
            external_id_field: An external id or lookup field; `Id` with an empty key creates.
            external_id: The key. Compared without case unless the field is case-sensitive.
            values: JSON values by field name. The key may be repeated, except `Id`, but not changed.
            user_id: Who writes.
            update_only: Never create.
            options: What the headers of a call say.

        Returns:
            The id, and whether the record is new.

        Raises:
            MultipleMatches: Several records have the key; nothing was written.
            SalesforceFault: NOT_FOUND for a field that is no key and for a miss with `update_only`;
                otherwise as `create` and `update`.

        """
        saved = self._rows.upsert(
            sobject, external_id_field, external_id, values, user_id=user_id, update_only=update_only, options=options
        )
        if options.update_recent:
            self.note_used(sobject, saved.id, user_id=user_id)
        return saved

    def delete(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Move a record to the Recycle Bin, with the children that cascade.

        Contacts, opportunities and activities of an account go with it; cases forbid it; other lookups
        that pointed at the record are cleared.

        Args:
            sobject: API name.
            record_id: Which record.
            user_id: Who deletes it.

        Raises:
            SalesforceFault: NOT_FOUND, ENTITY_IS_DELETED, MALFORMED_ID or DELETE_FAILED.

        """
        self.recycle_bin.purge()
        self._deletion.delete(sobject, record_id, user_id=user_id)

    def undelete(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Take a record out of the Recycle Bin, with the children whose deletion it caused.

        Lookups that its deletion cleared stay clear. Salesforce offers this in SOAP and Apex only, not in REST.

        Args:
            sobject: API name.
            record_id: Which record.
            user_id: Who restores it.

        Raises:
            SalesforceFault: UNDELETE_FAILED when it is not in the bin, DUPLICATE_VALUE when another record has taken
                a unique value, MALFORMED_ID, or NOT_FOUND for the sObject.

        """
        self.recycle_bin.restore(sobject, record_id, user_id=user_id)

    def add_record_type(self, record_type: RecordType) -> str:
        """Add a record type; one of that API name is left as it is, and becomes the default if the new one is.

        Returns:
            Its id, 18 characters.

        Raises:
            SalesforceFault: NOT_FOUND for the sObject.
            ValueError: The sObject has no field `RecordTypeId`.

        """
        plan = self._references.plan(record_type.sobject)
        if plan.sobject.field("RecordTypeId") is None:
            raise ValueError(f"{plan.name} has no field RecordTypeId")
        found = self._record_types.find(plan.name, record_type.developer_name)
        if found is None:
            values: dict[str, Stored] = {
                "SobjectType": plan.name,
                "Name": record_type.name,
                "DeveloperName": record_type.developer_name,
                "Description": record_type.description,
                "IsActive": int(record_type.active),
            }
            found = self._rows.insert(self._references.plan("RecordType"), values, user_id=self.admin_id)
        if record_type.default:
            self._record_types.set_default(plan.name, found)
        self._described_at = int(self._clock.now())
        return found

    def note_used(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Make a record the one its user used last.

        Raises:
            SalesforceFault: NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID.

        """
        plan = self._references.plan(sobject)
        key = self._references.present_id(plan, record_id)
        self._recent.note(plan, key, user_id=user_id, now=self._rows.now())

    def recent_items(
        self, sobject: str, *, user_id: str, api_version: str = DEFAULT_API_VERSION
    ) -> list[dict[str, object]]:
        """Return the records of an sObject that a user used recently, by id and name, the latest first.

        Raises:
            SalesforceFault: NOT_FOUND for an unknown sObject.

        """
        plan = self._references.plan(sobject)
        name = plan.sobject.name_field
        fields = ["Id", *([name.name] if name else ())]
        return [
            self.get(plan.name, record_id, fields, api_version=api_version)
            for record_id in self._recent.ids(plan, user_id)
        ]

    def modified_at(self, sobject: str, record_id: str) -> int:
        """Return when a record was changed last, in epoch seconds.

        Raises:
            SalesforceFault: NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID.

        """
        plan = self._references.plan(sobject)
        key = self._references.present_id(plan, record_id)
        row = self._store.one(f'SELECT "LastModifiedDate" FROM {plan.table} WHERE "Id" = ?', (key,))  # noqa: S608
        return epoch_seconds(str(row[0])) if row and row[0] else self._described_at

    @property
    def described_at(self) -> int:
        """When what describe says changed last, in epoch seconds."""
        return self._described_at

    def purge(self, sobject: str, record_id: str, *, user_id: str) -> None:
        """Remove a record for good, past the Recycle Bin; for the rest see `delete`.

        Raises:
            SalesforceFault: As `delete`.

        """
        self._deletion.purge(sobject, record_id, user_id=user_id)

    def get(
        self,
        sobject: str,
        record_id: str,
        fields: Sequence[str] | None = None,
        *,
        api_version: str = DEFAULT_API_VERSION,
    ) -> dict[str, object]:
        """Return a record as JSON, its `attributes` first.

        Args:
            sobject: API name.
            record_id: Which record.
            fields: API names; None means all.
            api_version: Goes into the record's URL.

        Raises:
            SalesforceFault: INVALID_FIELD, NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID.

        """
        return self._reading.get(sobject, record_id, fields, api_version=api_version)

    def get_by_external_id(
        self,
        sobject: str,
        external_id_field: str,
        external_id: str,
        fields: Sequence[str] | None = None,
        *,
        api_version: str = DEFAULT_API_VERSION,
    ) -> dict[str, object]:
        """Return the record that has an external id; see `get`.

        Raises:
            MultipleMatches: Several records have it.
            SalesforceFault: As `get`.

        """
        record_id = self.find(sobject, external_id_field, external_id)
        return self.get(sobject, record_id, fields, api_version=api_version)

    def find(self, sobject: str, external_id_field: str, external_id: str) -> str:
        """Return the id of the record that has an external id.

        Raises:
            MultipleMatches: Several records have it.
            SalesforceFault: NOT_FOUND when none has it or the field is no key.

        """
        return self._references.find(sobject, external_id_field, external_id)

    def query(
        self,
        soql: str,
        *,
        include_deleted: bool = False,
        api_version: str = DEFAULT_API_VERSION,
        user_id: str | None = None,
    ) -> QueryResult:
        """Run a SOQL query.

        Args:
            soql: The query.
            include_deleted: Whether rows in the Recycle Bin count, as in `queryAll`.
            api_version: Goes into the URLs of records.
            user_id: Who asks; decides what `USING SCOPE mine` means and, by the user's time zone, `TODAY`. None for
                UTC.

        Raises:
            SalesforceFault: MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE and the other faults of queries.

        """
        return self._asked(soql, include_deleted, api_version, user_id)(False)

    async def query_beside(
        self,
        soql: str,
        *,
        include_deleted: bool = False,
        api_version: str = DEFAULT_API_VERSION,
        user_id: str | None = None,
    ) -> QueryResult:
        """Run a SOQL query as `query` does, in a thread of its own when it takes long.

        Other calls of the org wait for it: those that await `idle` first without holding up the event loop.

        Args:
            soql: As for `query`.
            include_deleted: As for `query`.
            api_version: As for `query`.
            user_id: As for `query`.

        Raises:
            SalesforceFault: As `query`.

        """
        return await self._beside(self._asked(soql, include_deleted, api_version, user_id))

    async def search(
        self, search: Search, *, api_version: str = DEFAULT_API_VERSION, user_id: str, at_once: bool = False
    ) -> list[dict[str, object]]:
        """Return the records a search finds; it runs in a thread of its own when it takes long.

        Args:
            search: What to find.
            api_version: Goes into the URLs of records.
            user_id: Who asks.
            at_once: Whether nothing may run meanwhile.

        Raises:
            SalesforceFault: INVALID_FIELD, INVALID_TYPE and the other faults of queries.

        """
        now = datetime.fromtimestamp(self._clock.now(), self._zone(user_id))
        run_it = partial(run_search, self._store.connection, self.schema, search)

        def work(postpone: bool) -> list[dict[str, object]]:  # noqa: FBT001 - called here only
            return run_it(now=now, api_version=api_version, user_id=user_id, postpone=postpone)

        return work(False) if at_once else await self._beside(work)

    async def explain(self, soql: str, *, user_id: str, at_once: bool = False) -> list[dict[str, object]]:
        """Return how a query would be answered, the best plan first; counting its rows may take a thread of its own.

        Args:
            soql: The query.
            user_id: Who asks.
            at_once: Whether nothing may run meanwhile.

        Raises:
            SalesforceFault: As `query`.

        """
        now = datetime.fromtimestamp(self._clock.now(), self._zone(user_id))
        run_it = partial(explain, self._store.connection, self.schema, soql, now=now, user_id=user_id)

        def work(postpone: bool) -> list[dict[str, object]]:  # noqa: FBT001 - called here only
            return run_it(postpone=postpone)

        return work(False) if at_once else await self._beside(work)

    async def idle(self) -> None:
        """Wait until no query runs beside the event loop; what follows without waiting runs before the next does."""
        if self._turn.locked():
            async with self._turn:
                pass

    def _asked(
        self,
        soql: str,
        include_deleted: bool,  # noqa: FBT001 - called here only
        api_version: str,
        user_id: str | None,
    ) -> Callable[[bool], QueryResult]:
        """Return what runs a query as it is meant now; it takes whether to stop when the query takes long."""
        if include_deleted:
            self.recycle_bin.purge()
        now = datetime.fromtimestamp(self._clock.now(), self._zone(user_id))

        def work(postpone: bool) -> QueryResult:  # noqa: FBT001 - called here only
            return run(
                self._store.connection,
                self.schema,
                soql,
                include_deleted=include_deleted,
                api_version=api_version,
                now=now,
                user_id=user_id,
                postpone=postpone,
            )

        return work

    async def _beside(self, work: Callable[[bool], T]) -> T:
        await self.idle()
        try:
            return work(True)
        except Postponed:
            async with self._turn:
                return await self._store.connection.lend(partial(work, False))

    def _zone(self, user_id: str | None) -> ZoneInfo:
        """Return the time zone of a user; UTC where nobody asks."""
        row = self._store.one('SELECT "TimeZoneSidKey" FROM "User" WHERE "Id" = ?', (user_id,)) if user_id else None
        return zone(str(row[0]) if row and row[0] not in {None, "GMT"} else "UTC")

    def savepoint(self) -> AbstractContextManager[None]:
        """Make all calls inside a `with` block one change, undone whole when the block raises. Blocks may nest."""
        return self._store.savepoint()

    def count(self, sobject: str) -> int:
        """Return how many records of an sObject are outside the Recycle Bin.

        Raises:
            SalesforceFault: NOT_FOUND for an unknown sObject.

        """
        plan = self._references.plan(sobject)
        sql = f'SELECT COUNT(*) FROM {quoted(plan.name)} WHERE "IsDeleted" = 0'  # noqa: S608 - a name of the schema
        row = self._store.one(sql)
        return int(row[0] or 0) if row else 0

    def describe(
        self, sobject: str, api_version: str = DEFAULT_API_VERSION, *, instance_url: str = ""
    ) -> dict[str, object]:
        """Return the describe answer of an sObject.

        Raises:
            SalesforceFault: NOT_FOUND for an unknown sObject.

        """
        known = self._references.plan(sobject).sobject
        return describe(known, api_version, instance_url, self._record_types.describe(known.name, api_version))

    def sobject_info(self, sobject: str, api_version: str = DEFAULT_API_VERSION) -> dict[str, object]:
        """Return the entry of an sObject in the global describe.

        Raises:
            SalesforceFault: NOT_FOUND for an unknown sObject.

        """
        return sobject_info(self._references.plan(sobject).sobject, api_version)

    def describe_global(self, api_version: str = DEFAULT_API_VERSION) -> dict[str, object]:
        """Return the describe answer of the whole org."""
        return describe_global(self.schema, api_version)
