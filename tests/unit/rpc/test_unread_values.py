"""Values that the handler holds against the contract as it reads them: as if all had been looked at before."""

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import NULL_VALUE
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import UpdateRecordRequest, UpsertRecordRequest

from service.clock import SystemClock
from service.context import CallContext
from service.errors import InvalidRequest, SluicegateError
from service.request_ids.request_ids import RequestIds
from service.request_ids.unshared import Unshared
from service.rpc.intake import LARGE_BYTES, Intakes, check
from service.rpc.records import UNREAD, RecordService
from service.salesforce.calls.writes import Saved

KEY = ExternalId(field="Ext__c", value="1")
ID = "00Q000000000001AAA"

texts = st.sampled_from(
    ["", "1", "-1.5", "1.", "9" * 64, "9" * 65, "2026-03-01", "2026-3-1", "2026-03-01T12:34:56Z", "a"]
)
texts |= st.text(max_size=5)


def _of_kind(kind: str, text: str) -> FieldValue:
    value = FieldValue()
    setattr(value, kind, text)
    return value


references = st.builds(
    RecordReference, external_id=st.none() | st.builds(ExternalId, field=texts, value=texts), object=texts
)
values = st.one_of(
    st.just(FieldValue()),
    st.just(FieldValue(null_value=NULL_VALUE)),
    st.builds(FieldValue, bool_value=st.booleans()),
    st.builds(FieldValue, int64_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(FieldValue, double_value=st.floats()),
    st.builds(FieldValue, bytes_value=st.binary(max_size=5)),
    st.builds(FieldValue, reference_value=references),
    *(
        texts.map(partial(_of_kind, kind))
        for kind in ("string_value", "decimal_value", "date_value", "datetime_value", "node_value")
    ),
)
lists = st.builds(FieldValueList, values=st.lists(values | st.builds(FieldValue, list_value=st.just(FieldValueList()))))
fields = st.dictionaries(
    st.sampled_from(["A", "B__c", "C", "1"]), values | st.builds(FieldValue, list_value=lists), max_size=3
)
requests: st.SearchStrategy[Message] = st.one_of(
    st.builds(UpsertRecordRequest, object=st.just("Lead"), external_id=st.just(KEY), fields=fields),
    st.builds(UpdateRecordRequest, record=st.just(RecordRef(object="Lead", id=ID)), fields=fields),
)


class TakingOrg:
    """An org that takes every write."""

    async def write(self, *_args: Any, **_how: Any) -> Saved:
        """Write one record."""
        return Saved(ID)


async def answered(request: Message, sent: bytes | None = None) -> list[tuple[str, str]]:
    """Return what breaks the contract, as a caller is told it; nothing if the request is taken or has other faults."""
    name = f"sluicegate.v1.RecordService/{type(request).__name__.removesuffix('Request')}"
    intake = Intakes(4_194_304).of(type(request), name, UNREAD[name])
    call = CallContext(name, "r", SystemClock())
    async with RequestIds(Unshared(), SystemClock()) as request_ids:
        service = RecordService(SimpleNamespace(get=lambda _name: TakingOrg()), request_ids)  # type: ignore[arg-type]
        received = intake.decode(request.SerializeToString() if sent is None else sent)
        try:
            if not intake.is_good(received):
                received = await intake.admit(received)
            answer: Any = service.upsert_record if isinstance(request, UpsertRecordRequest) else service.update_record
            await answer(received, call)
        except SluicegateError as error:
            return told(error) if type(error) is InvalidRequest else []
    return []


def told(error: SluicegateError) -> list[tuple[str, str]]:
    """Return the fields at fault and what is wrong with them."""
    # A map has no order.
    return sorted((violation.field, violation.description) for violation in error.violations)


def violated(request: Message) -> list[tuple[str, str]]:
    """Return what the full check finds."""
    try:
        check(request)
    except InvalidRequest as error:
        return told(error)
    return []


@given(requests)
def test_a_caller_is_told_what_the_full_check_finds(request):
    """Each value that breaks a rule is refused as if all of them had been looked at before, and no other is."""
    assert violated(request) == asyncio.run(answered(request))


async def test_a_message_that_is_larger_than_its_bytes():
    """Entries without values are longer once they have some; a message that is large only then is looked at too."""
    fields = {"F": FieldValue(decimal_value="no"), "Pad": FieldValue(string_value="x" * (LARGE_BYTES - 2_000))}
    request = UpsertRecordRequest(object="Lead", external_id=KEY, fields=fields)
    without_value = b"".join(b"\x22\x05\x0a\x03k%02x" % number for number in range(250))
    sent = request.SerializeToString() + without_value
    sent += b"\x22\x04\x0a\x02zz" * ((LARGE_BYTES - len(sent)) // 6)

    told_of = await answered(request, sent)

    assert len(sent) <= LARGE_BYTES < UpsertRecordRequest.FromString(sent).ByteSize()
    assert told_of
