"""One emulated Salesforce org: a schema, rows, users and queries, without any HTTP."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from service.clock import Clock
from service.emulator import ids
from service.emulator.deletion import Deletion
from service.emulator.engine import QueryResult, run
from service.emulator.reading import Reading
from service.emulator.references import References
from service.emulator.rows import Rows, Saved
from service.emulator.schema import Schema
from service.emulator.schema.describe import describe, describe_global, sobject_info
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.seed import Seed, plant
from service.emulator.sequences import Sequences
from service.emulator.store import Store, quoted

__all__ = ["DEFAULT_API_VERSION", "DEFAULT_ORG_ID", "DEFAULT_USERNAME", "Org", "QueryResult", "Saved"]

DEFAULT_API_VERSION = "66.0"
DEFAULT_ORG_ID = ids.from_counter("00D", 1)
DEFAULT_USERNAME = "admin@emulator.example"


class Org:
    """One org of the emulator.

    Names of sObjects and fields are taken in any case and given back in theirs. Ids are taken with
    15 or 18 characters and given back with 18. All calls are synchronous; a row call takes tens of
    microseconds. Every refusal is a `SalesforceFault`, and a refused call changes nothing.

    Args:
        schema: What the org knows; None means the standard objects.
        clock: Dates rows and evaluates date literals.
        org_id: The org's own id. Two of its characters go into the ids of all its rows.
        name: What the org is called.
        path: A SQLite file that keeps the rows, or `:memory:`. A file made by an org with fewer
            fields is extended.
        username: Of the administrator, who is made with the org; a file that has one keeps its own.

    Raises:
        ValueError: `org_id` is no id of an org, or the file holds another org.
        sqlite3.Error: The file cannot be opened or is no database.

    """

    def __init__(
        self,
        schema: Schema | None = None,
        *,
        clock: Clock,
        org_id: str = DEFAULT_ORG_ID,
        name: str = "Emulated Org",
        path: str = ":memory:",
        username: str = DEFAULT_USERNAME,
    ) -> None:
        normal = ids.normalise(org_id)
        if normal is None or not normal.startswith("00D"):
            raise ValueError(f"org_id has to be an id that starts with 00D, not {org_id!r}")
        self.id = normal
        self.name = name
        self.schema = schema if schema is not None else Schema(STANDARD_OBJECTS)
        self._clock = clock
        self._store = Store(self.schema, path)
        self._references = References(self.schema, self._store)
        pod = normal[13:15]
        sequences = Sequences(self._store, pod)
        self._rows = Rows(self._store, self._references, sequences, clock)
        self._reading = Reading(self._store, self._references)
        self._deletion = Deletion(self.schema, self._store, self._references, self._rows)
        self.admin_id = ids.from_counter("005", 1, pod)
        """The id of the administrator."""
        plant(Seed(normal, name, self.admin_id, username), self._store, self._references, self._rows)

    def close(self) -> None:
        """Let go of the database; rows of an org in memory are gone."""
        self._store.close()

    def create(self, sobject: str, values: Mapping[str, object], *, user_id: str) -> str:
        """Create a record.

        Args:
            sobject: Its API name.
            values: JSON values by field name; a lookup may be `{"Account": {"Ext__c": "A-1"}}`. An entry
                `attributes` is skipped.
            user_id: Who creates it and, unless `OwnerId` is given, owns it.

        Returns:
            The id.

        Raises:
            SalesforceFault: In the order of `Rows`: INVALID_FIELD, JSON_PARSER_ERROR,
                INVALID_FIELD_FOR_INSERT_UPDATE, REQUIRED_FIELD_MISSING, STRING_TOO_LONG and its like,
                MALFORMED_ID, INVALID_CROSS_REFERENCE_KEY, DUPLICATE_VALUE; NOT_FOUND for the sObject.

        """
        return self._rows.create(sobject, values, user_id=user_id)

    def update(self, sobject: str, record_id: str, values: Mapping[str, object], *, user_id: str) -> None:
        """Change the fields given; null empties a field, an absent one stays.

        Args:
            sobject: API name.
            record_id: Which record.
            values: JSON values by field name, `Id` not among them.
            user_id: Who changes it.

        Raises:
            SalesforceFault: As `create`; NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID for the record.

        """
        self._rows.update(sobject, record_id, values, user_id=user_id)

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        external_id: str,
        values: Mapping[str, object],
        *,
        user_id: str,
        update_only: bool = False,
    ) -> Saved:
        """Update the record that has an external id, or create one with it.

        Args:
            sobject: API name.
            external_id_field: An external id or lookup field; `Id` with an empty key creates.
            external_id: The key. Compared without case unless the field is case-sensitive.
            values: JSON values by field name. The key may be repeated, except `Id`, but not changed.
            user_id: Who writes.
            update_only: Never create.

        Returns:
            The id, and whether the record is new.

        Raises:
            MultipleMatches: Several records have the key; nothing was written.
            SalesforceFault: NOT_FOUND for a field that is no key and for a miss with `update_only`;
                otherwise as `create` and `update`.

        """
        return self._rows.upsert(
            sobject, external_id_field, external_id, values, user_id=user_id, update_only=update_only
        )

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
        self._deletion.delete(sobject, record_id, user_id=user_id)

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
            user_id: Who asks; decides what `USING SCOPE mine` means.

        Raises:
            SalesforceFault: MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE and the other faults of queries.

        """
        return run(
            self._store.connection,
            self.schema,
            soql,
            include_deleted=include_deleted,
            api_version=api_version,
            now=datetime.fromtimestamp(self._clock.now(), UTC),
            user_id=user_id,
        )

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
        return describe(self._references.plan(sobject).sobject, api_version, instance_url)

    def sobject_info(self, sobject: str, api_version: str = DEFAULT_API_VERSION) -> dict[str, object]:
        """Return the entry of an sObject in the global describe.

        Raises:
            SalesforceFault: NOT_FOUND for an unknown sObject.

        """
        return sobject_info(self._references.plan(sobject).sobject, api_version)

    def describe_global(self, api_version: str = DEFAULT_API_VERSION) -> dict[str, object]:
        """Return the describe answer of the whole org."""
        return describe_global(self.schema, api_version)
