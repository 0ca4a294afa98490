"""The writes of an org's records: checked against the sObject's description, then sent along with everyone else's."""

from collections.abc import Sequence

from service.batching.coalescer import Coalescer, Prepared
from service.batching.item import Outcome, Route
from service.batching.statistics import Statistics
from service.clock import Turns
from service.context import CallContext
from service.errors import InvalidArgument, SluicegateError
from service.orgs import diagnosis
from service.orgs.descriptions import Descriptions
from service.orgs.write_rules import Examined, WriteRules
from service.salesforce.calls.writes import Operation, Row, Saved, Write, WriteOptions

_SETUP = frozenset(
    {
        "FieldPermissions",
        "Group",
        "GroupMember",
        "ObjectPermissions",
        "PermissionSet",
        "PermissionSetAssignment",
        "Profile",
        "QueueSobject",
        "SetupEntityAccess",
        "Territory",
        "User",
        "UserRole",
        "UserTerritory",
    }
)
"""sObjects that no transaction writes beside others (Apex Developer Guide, "sObjects That Cannot Be Used Together in
DML Operations"): the call would fail with MIXED_DML_OPERATION for rows that are right."""

_ROW_BYTES = 256
"""What a row takes beside the caller's message."""


class OrgRecords:
    """Writes records.

    Args:
        coalescer: Sends them.
        descriptions: What the org's sObjects look like.
        check_fields: Whether values are held against the description before a call is spent.

    """

    def __init__(self, coalescer: Coalescer, descriptions: Descriptions, *, check_fields: bool) -> None:
        self._coalescer = coalescer
        self._descriptions = descriptions
        self._check_fields = check_fields

    @property
    def descriptions(self) -> Descriptions:
        """What the org's sObjects look like."""
        return self._descriptions

    def statistics(self) -> Statistics:
        """Return what was written and how the lanes stand."""
        return self._coalescer.statistics()

    async def write(
        self, write: Write, options: WriteOptions, context: CallContext, *, max_wait_seconds: float | None = None
    ) -> Saved:
        """Write one record; see `Coalescer.write`.

        Raises:
            service.errors.SluicegateError: The record was refused, or Salesforce could not be asked.

        """
        rules, examined = self._examined(write, context) or await self._examine(write, context)
        prepared = _prepared(write, rules.name, examined, options, mixed=False)
        try:
            return await self._coalescer.write(prepared, context, max_wait_seconds)
        except InvalidArgument as error:
            told = diagnosis.explain(error, write.values, rules)
            if told is error:
                raise
            raise told from error

    async def check(self, write: Write, context: CallContext) -> None:
        """Refuse a write that Salesforce would refuse for certain, if fields are checked at all.

        Raises:
            service.errors.InvalidArgument: It would; the violations name the fields.

        """
        await self._examine(write, context)

    async def explain(self, error: SluicegateError, write: Write, context: CallContext) -> SluicegateError:
        """Return what the description tells of a refusal beyond Salesforce's words, or the same error."""
        is_unclear = diagnosis.needs_description(error) or diagnosis.names_others(error, write.values)
        if not (self._check_fields and is_unclear):
            return error
        return diagnosis.explain(error, write.values, await self._descriptions.rules(write.sobject, context))

    async def apply(
        self,
        writes: Sequence[Write],
        options: WriteOptions,
        context: CallContext,
        *,
        max_wait_seconds: float | None = None,
    ) -> list[Outcome]:
        """Write several records, each on its own, and return an outcome for each in their order; an error is a value.

        Creations, updates and deletions of several sObjects share calls, except those of the org's setup. Those of one
        key keep their order.

        Raises:
            service.errors.QueueFull: They are more than may wait; none was written.

        """
        outcomes: list[Outcome | None] = [None] * len(writes)
        accepted: list[tuple[int, Write, WriteRules, Examined]] = []
        turns = Turns(context.clock)
        for index, write in enumerate(writes):
            await turns.give()
            try:
                rules, examined = self._examined(write, context) or await self._examine(write, context)
                accepted.append((index, write, rules, examined))
            except SluicegateError as error:
                outcomes[index] = error
        mixed = _mixed_operations([(write, rules.name) for _, write, rules, _ in accepted])
        # A call has few runs of sObjects if equal ones are neighbours.
        accepted.sort(key=lambda each: each[2].name)
        prepared = []
        for _, write, rules, examined in accepted:
            await turns.give()
            is_mixed = write.operation in mixed and rules.name not in _SETUP
            prepared.append(_prepared(write, rules.name, examined, options, mixed=is_mixed))
        written = await self._coalescer.write_all(prepared, context, max_wait_seconds)
        for (index, write, rules, _), found in zip(accepted, written, strict=True):
            if isinstance(found, InvalidArgument):
                await turns.give()
                outcomes[index] = diagnosis.explain(found, write.values, rules)
            else:
                outcomes[index] = found
        return [outcome for outcome in outcomes if outcome is not None]

    def _examined(self, write: Write, context: CallContext) -> tuple[WriteRules, Examined] | None:
        """Return what `_examine` does of a write that has no fault, if nothing has to be learned for it."""
        rules = self._descriptions.known_rules(write.sobject, context) if self._check_fields else None
        if rules is None:
            return None
        try:
            return rules, rules.examine(write)
        except InvalidArgument:
            # It may be right of the description that is read next.
            return None

    async def _examine(self, write: Write, context: CallContext) -> tuple[WriteRules, Examined]:
        """Hold a write against what is known of its sObject; to refuse it, that may have to be learned anew."""
        # A deletion by id does not tell Salesforce of which sObject: any record of that id would go.
        is_known = self._check_fields or (write.operation is Operation.DELETE and write.key is None)
        if not is_known:
            unknown = WriteRules.unknown(write.sobject)
            return unknown, unknown.examine(write)
        rules = await self._descriptions.rules(write.sobject, context)
        try:
            return rules, rules.examine(write)
        except InvalidArgument:
            fresh = await self._descriptions.refreshed_rules(write.sobject, context)
            if fresh is None:
                raise
        return fresh, fresh.examine(write)


def _prepared(write: Write, sobject: str, examined: Examined, options: WriteOptions, *, mixed: bool) -> Prepared:
    field = write.key.field.lower() if write.key is not None else ""
    row = Row(write, sobject, _ROW_BYTES + write.size, examined.numeric_key, examined.repeated)
    route = Route(write.operation, "" if mixed and not field else sobject.lower(), field, options)
    locks = (examined.key, *examined.parents) if examined.key else examined.parents
    return Prepared(route, row, examined.key, locks)


def _mixed_operations(writes: Sequence[tuple[Write, str]]) -> set[Operation]:
    """Return the operations that are wanted of records of several sObjects which no external id finds."""
    found: dict[Operation, set[str]] = {operation: set() for operation in Operation}
    for write, sobject in writes:
        if write.key is None:
            found[write.operation].add(sobject)
    return {operation for operation, sobjects in found.items() if len(sobjects) > 1}
