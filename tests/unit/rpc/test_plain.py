"""The cheap check of messages: it is never wrong about a good one, and it is worth having."""

import copy
import itertools
from typing import Any

import protovalidate
import pytest
from buf.validate import validate_pb2 as rules
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import NULL_VALUE
from hypothesis import example, given
from hypothesis import strategies as st
from sluicegate.v1 import (
    bulk_load_pb2,
    bulk_service_pb2,
    deep_link_pb2,
    deep_link_service_pb2,
    org_service_pb2,
    query_service_pb2,
    record_operation_pb2,
    record_service_pb2,
)
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference
from sluicegate.v1.record_pb2 import RecordRef

from service.rpc.plain import PlainChecks
from service.rpc.plain_values import Pattern

SERVICES = (bulk_service_pb2, deep_link_service_pb2, org_service_pb2, query_service_pb2, record_service_pb2)

KEY = ExternalId(field="Ext__c", value="L-1 / Zoë")
RECORD = RecordRef(object="Case", id="500000000000001AAA")
FIELDS = {
    "Nothing": FieldValue(null_value=NULL_VALUE),
    "IsUnreadByOwner": FieldValue(bool_value=False),
    "NumberOfEmployees": FieldValue(int64_value=-5),
    "Latitude__c": FieldValue(double_value=0.5),
    "LastName": FieldValue(string_value="Sørensen\n"),
    "AnnualRevenue": FieldValue(decimal_value="-1250000.50"),
    "Body": FieldValue(bytes_value=b"\x00"),
    "Account": FieldValue(reference_value=RecordReference(external_id=KEY)),
    "Owner": FieldValue(reference_value=RecordReference(external_id=KEY, object="User")),
    "Languages__c": FieldValue(list_value=FieldValueList(values=[FieldValue(string_value="de")] * 2)),
    "Birthdate": FieldValue(date_value="2026-03-01"),
    "Seen__c": FieldValue(datetime_value="2026-03-01T12:34:56.789+01:00"),
    "Parent__r": FieldValue(node_value="parent"),
}
OPTIONS = record_operation_pb2.WriteOptions(
    allow_duplicates=True, assignment_rule_id="01Q000000000001AAA", max_wait=Duration(seconds=1, nanos=5)
)
OPERATIONS = [
    record_operation_pb2.RecordOperation(create=record_operation_pb2.RecordCreate(object="Lead", fields=FIELDS)),
    record_operation_pb2.RecordOperation(update=record_operation_pb2.RecordUpdate(record=RECORD, fields=FIELDS)),
    record_operation_pb2.RecordOperation(
        upsert=record_operation_pb2.RecordUpsert(object="Lead", external_id=KEY, fields=FIELDS)
    ),
    record_operation_pb2.RecordOperation(delete=record_operation_pb2.RecordDelete(record=RECORD)),
]
NODE = record_operation_pb2.RecordNode(name="parent", operation=OPERATIONS[0])
ORDINARY: tuple[Message, ...] = (
    bulk_service_pb2.BulkLoadRequest(data=b"LastName\nCurie\n"),
    bulk_service_pb2.GetBulkLoadRequest(resume_token="abc"),
    bulk_service_pb2.StartBulkLoadRequest(org="prod"),
    bulk_service_pb2.UploadBulkLoadPartRequest(resume_token="abc", data=b"LastName\nCurie\n"),
    bulk_service_pb2.CommitBulkLoadRequest(resume_token="abc"),
    bulk_service_pb2.WatchBulkLoadRequest(resume_token="abc"),
    bulk_service_pb2.ListBulkLoadResultsRequest(resume_token="abc", part=2),
    bulk_service_pb2.CancelBulkLoadRequest(resume_token="abc"),
    bulk_service_pb2.PlanBulkLoadsRequest(org="prod"),
    deep_link_service_pb2.CreateDeepLinkRequest(
        record=RECORD, ttl=Duration(seconds=3600), action="view", campaign={"utm_source": "mail"}
    ),
    deep_link_service_pb2.ResolveDeepLinkRequest(
        url="https://links.example/l?p=x", device=deep_link_pb2.DeviceContext(platform=deep_link_pb2.PLATFORM_IOS)
    ),
    deep_link_service_pb2.ResolveDeepLinkRequest(record=RecordRef(object="Case", external_id=KEY)),
    deep_link_service_pb2.ResolveDeepLinkRequest(
        record=RECORD,
        device=deep_link_pb2.DeviceContext(app_version="4.12.0", locale="de-CH"),
        fields=["Subject"],
        lookup=deep_link_pb2.RECORD_LOOKUP_ALWAYS,
        provider="web",
    ),
    deep_link_service_pb2.CreateDeepLinksRequest(
        requests=[deep_link_service_pb2.CreateDeepLinkRequest(record=RECORD, campaign={"utm_source": "mail"})] * 100
    ),
    deep_link_service_pb2.ClaimDeepLinkRequest(
        token="1.k1.abc.def", device=deep_link_pb2.DeviceContext(platform=deep_link_pb2.PLATFORM_IOS), request_id="a-1"
    ),
    deep_link_service_pb2.ClaimDeepLinkRequest(
        install_referrer="deferred_token=1.k1.abc.def",
        device=deep_link_pb2.DeviceContext(platform=deep_link_pb2.PLATFORM_ANDROID),
    ),
    org_service_pb2.GetLimitsRequest(org="prod"),
    org_service_pb2.WatchLimitsRequest(org="prod", interval=Duration(seconds=60)),
    query_service_pb2.QueryRequest(soql="SELECT Id FROM Lead WHERE Name = :a", parameters=FIELDS, batch_size=500),
    query_service_pb2.ExplainQueryRequest(soql="SELECT Id FROM Lead WHERE Name = :a", parameters=FIELDS),
    record_service_pb2.UpsertRecordRequest(object="Lead", external_id=KEY, fields=FIELDS),
    record_service_pb2.CreateRecordRequest(object="Lead", fields=FIELDS, options=OPTIONS, request_id="a-1"),
    record_service_pb2.GetRecordRequest(record=RECORD, fields=["Id", "Name"]),
    record_service_pb2.UpdateRecordRequest(record=RECORD, fields=FIELDS, options=OPTIONS),
    record_service_pb2.DeleteRecordRequest(record=RECORD),
    record_service_pb2.ApplyRecordsRequest(operations=OPERATIONS * 500),
    record_service_pb2.ComposeRecordsRequest(nodes=[NODE]),
)
"""Every request of the contract, with every kind of value."""

SMALL = tuple(message for message in ORDINARY if message.ByteSize() < 10_000)
TEXTS = st.one_of(
    st.sampled_from(["", "A", "a", "A\n", "A b", "Ü", "É1", "1A", "utm_a", "2026-03-01", "-1.5", "5" * 18, "٣.٣"]),
    st.builds(
        lambda character, length: character * length,
        st.sampled_from("aAü1😀"),
        st.sampled_from([15, 18, 40, 41, 63, 64, 65, 80, 81, 128, 129, 255, 256, 4096, 4097, 131_072, 131_073]),
    ),
    st.text(max_size=20),
)
INTEGERS = st.one_of(st.sampled_from([0, 1, -1, 60, 61, 400, 401, 2000, 2001]), st.integers(-(2**31), 2**31 - 1))


def plainly_valid(message: Message) -> bool:
    """Check a message by a check that has remembered nothing."""
    return PlainChecks(message.ByteSize()).of(type(message))(message)


def violations(message: Message) -> list[Any]:
    """Return what the full check finds."""
    return list(protovalidate.collect_violations(message))


def requests() -> set[str]:
    """Return the full names of every request of the contract."""
    return {
        rpc.input_type.full_name
        for module in SERVICES
        for service in module.DESCRIPTOR.services_by_name.values()
        for rpc in service.methods
    }


@pytest.mark.parametrize("message", ORDINARY, ids=lambda message: type(message).__name__)
def test_an_ordinary_message_needs_no_further_check(message):
    """What callers send all day is known to be good at once: a rule that the check does not know would fail here."""
    assert [] == violations(message)
    assert plainly_valid(message)


def test_every_request_is_among_the_ordinary_messages():
    """A request that joins the contract is checked cheaply as well, or this says so."""
    assert requests() == {type(message).DESCRIPTOR.full_name for message in ORDINARY}


def test_a_rule_across_fields_is_left_to_the_full_check():
    """A header of a load has a rule in CEL, so that even a good one is doubtful."""
    header = bulk_service_pb2.BulkLoadHeader(object="Lead", operation=bulk_load_pb2.BULK_OPERATION_INSERT)

    assert [] == violations(header)
    assert not plainly_valid(header)


def values(field: FieldDescriptor, draw: st.DrawFn) -> Any:
    """Draw a value for a field of a scalar type."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return draw(TEXTS) if field.type == FieldDescriptor.TYPE_STRING else draw(TEXTS).encode()
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return draw(st.booleans())
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return draw(st.floats())
    return draw(INTEGERS)


def mutate(message: Message, draw: st.DrawFn) -> None:
    """Change something, somewhere in a message that has anything."""
    if not message.DESCRIPTOR.fields:
        return
    field: Any = draw(st.sampled_from(list(message.DESCRIPTOR.fields)))
    if draw(st.integers(0, 5)) == 0:
        message.ClearField(field.name)
        return
    held = getattr(message, field.name)
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        name = draw(st.sampled_from(sorted(held)) | TEXTS) if held else draw(TEXTS)
        if inner.fields_by_name["value"].message_type is None:
            held[name] = values(inner.fields_by_name["value"], draw)
        else:
            mutate(held[name], draw)
    elif field.is_repeated:
        if inner is None:
            held.append(values(field, draw))
        elif held and draw(st.booleans()):
            mutate(draw(st.sampled_from(list(held))), draw)
        else:
            held.extend([GetMessageClass(inner)()] * draw(st.sampled_from([1, 2, 10_001])))
    elif inner is None:
        setattr(message, field.name, values(field, draw))
    else:
        held.SetInParent()
        mutate(held, draw)


@st.composite
def mutants(draw: st.DrawFn) -> Message:
    """Draw an ordinary message in which a few things are changed, most of them for the worse."""
    message = copy.deepcopy(draw(st.sampled_from(SMALL)))
    for _ in range(draw(st.integers(1, 3))):
        mutate(message, draw)
    return message


@given(mutants())
@example(record_service_pb2.UpsertRecordRequest(object="Lead"))
@example(record_service_pb2.UpsertRecordRequest(object="A\n", external_id=KEY))
@example(record_service_pb2.UpsertRecordRequest(object="Lead", external_id=KEY, fields={"A": FieldValue()}))
@example(record_service_pb2.UpdateRecordRequest(record=RECORD))
@example(
    record_service_pb2.CreateRecordRequest(
        object="Lead", options=record_operation_pb2.WriteOptions(max_wait=Duration(seconds=59, nanos=1_500_000_000))
    )
)
@example(record_service_pb2.ApplyRecordsRequest())
@example(record_service_pb2.ApplyRecordsRequest(operations=[OPERATIONS[3]] * 2001))
def test_what_is_plainly_valid_breaks_no_rule(message):
    """Whatever a caller sends, the full check is left out only where it finds nothing."""
    assert not (plainly_valid(message) and violations(message))


TYPES = {
    descriptor_pb2.FieldDescriptorProto.TYPE_INT32: "int32",
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING: "string",
    descriptor_pb2.FieldDescriptorProto.TYPE_BYTES: "bytes",
    descriptor_pb2.FieldDescriptorProto.TYPE_ENUM: "enum",
    descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE: "duration",
}
EXPRESSIONS = [
    "^[a-z]{2,4}$",
    "^a|b$",
    "a",
    "^$",
    r"^\d+$",
    "^.$",
    "^[[:alpha:]]+$",
    "^[a-z&&[^b]]+$",
    "(?i)^a$",
    "^a?$",
]
DURATIONS = st.builds(
    Duration, seconds=st.integers(-2, 70), nanos=st.sampled_from([0, 1, -1, 999_999_999, 1_000_000_000])
)
"""Among them some that are not well-formed."""
PACKAGES = (f"ruled{number}" for number in itertools.count(1))
"""Of types that are made here: protovalidate knows types by the names of their files and packages."""


@st.composite
def rules_of(draw: st.DrawFn, kind: str) -> rules.FieldRules:
    """Draw rules of one kind of value, sensible or not."""
    drawn = rules.FieldRules()
    of_kind = getattr(drawn, kind)
    of_kind.SetInParent()
    for field in draw(st.lists(st.sampled_from(list(of_kind.DESCRIPTOR.fields)), max_size=3)):
        if field.message_type is not None:
            getattr(of_kind, field.name).CopyFrom(draw(DURATIONS))
        elif field.name == "pattern":
            of_kind.pattern = draw(st.sampled_from(EXPRESSIONS))
        else:
            setattr(of_kind, field.name, draw(st.booleans()) if kind == "enum" else draw(st.integers(0, 5)))
    return drawn


@st.composite
def ruled_messages(draw: st.DrawFn) -> Message:
    """Draw a message of a new type that has one field with rules."""
    type_ = draw(st.sampled_from(sorted(TYPES)))
    shape = draw(st.sampled_from(["plain", "optional", "oneof", "repeated"]))
    file = new_file()
    file.dependency.append("google/protobuf/duration.proto")
    file.enum_type.add(name="Choice").value.add(name="CHOICE_NONE", number=0)
    file.enum_type[0].value.add(name="CHOICE_THREE", number=3)
    message = file.message_type.add(name="Ruled")
    field = message.field.add(name="value", number=1, type=type_, label=3 if shape == "repeated" else 1)
    if TYPES[type_] in ("enum", "duration"):
        field.type_name = f".{file.package}.Choice" if TYPES[type_] == "enum" else ".google.protobuf.Duration"
    if shape in ("optional", "oneof"):
        field.oneof_index, field.proto3_optional = 0, shape == "optional"
        oneof = message.oneof_decl.add(name="_value" if shape == "optional" else "choice")
        if shape == "oneof":
            oneof.options.Extensions[rules.oneof].required = draw(st.booleans())
    drawn = draw(rules_of(TYPES[type_]))
    if shape == "repeated":
        of_all = rules.RepeatedRules(min_items=draw(st.integers(0, 2)), max_items=draw(st.integers(0, 3)))
        drawn.required = draw(st.booleans())
        of_all.items.CopyFrom(drawn)
        drawn = rules.FieldRules(repeated=of_all)
    if draw(st.booleans()):
        drawn.required = True
    if draw(st.integers(0, 4)) == 0:
        drawn.ignore = draw(st.sampled_from([rules.IGNORE_IF_ZERO_VALUE, rules.IGNORE_ALWAYS]))
    field.options.Extensions[rules.field].CopyFrom(drawn)
    made = new_message(file)
    if draw(st.booleans()):
        fill(made, TYPES[type_], draw)
    return made


def new_file() -> descriptor_pb2.FileDescriptorProto:
    """Return an empty file of a package of its own."""
    package = next(PACKAGES)
    return descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")


def new_message(file: descriptor_pb2.FileDescriptorProto) -> Message:
    """Return an empty message of the first type that a file declares."""
    pool = DescriptorPool()
    duration = descriptor_pb2.FileDescriptorProto()
    Duration.DESCRIPTOR.file.CopyToProto(duration)
    pool.Add(duration)
    pool.Add(file)
    descriptor: Descriptor = pool.FindMessageTypeByName(f"{file.package}.{file.message_type[0].name}")
    return GetMessageClass(descriptor)()


def fill(message: Message, kind: str, draw: st.DrawFn) -> None:
    """Set the one field of a message, or several values of it."""
    field = message.DESCRIPTOR.fields[0]
    for _ in range(draw(st.integers(1, 3)) if field.is_repeated else 1):
        if kind == "duration":
            target: Any = message.value.add() if field.is_repeated else message.value  # type: ignore[attr-defined]
            target.MergeFromString(draw(DURATIONS).SerializeToString())
            continue
        text = st.sampled_from(["", "a", "b", "ab", "A", "é", "1", "\n", "abcde", "a\n"])
        options = {
            "int32": st.integers(-1, 6),
            "enum": st.integers(0, 4),
            "string": text,
            "bytes": text.map(str.encode),
        }
        value = draw(options[kind])
        if field.is_repeated:
            message.value.append(value)  # type: ignore[attr-defined]
        else:
            message.value = value  # type: ignore[attr-defined]


@given(ruled_messages())
def test_any_rules_of_the_contracts_kinds_are_understood_or_left_alone(message):
    """Rules that the contract may have tomorrow, senseless ones too, are never taken for kept where they are not."""
    assert not (plainly_valid(message) and violations(message))


def test_a_rule_that_the_project_does_not_declare_is_left_to_the_full_check():
    """The contract's copy of the rules leaves many out; one of them in a message is seen all the same."""
    email = b"\x72\x02\x60\x01"  # string (14) { email (12): true }
    file = new_file()
    field = file.message_type.add(name="Ruled").field.add(name="value", number=1, type=9, label=1)
    field.options.Extensions[rules.field].MergeFromString(email)
    message: Any = new_message(file)
    message.value = "nobody"

    assert violations(message)
    assert not plainly_valid(message)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r"^\d$", "1"),
        (r"^\w$", "a"),
        ("^[[:alpha:]]$", "a"),
        ("^[a-c&&b]$", "b"),
        ("^[a-c--b]$", "a"),
        ("(?i)^a$", "A"),
        ("^ü$", "ü"),
    ],
)
def test_an_expression_that_engines_read_differently_is_left_to_the_full_check(expression, text):
    """What Python takes for a match another language's engine might not."""
    file = new_file()
    field = file.message_type.add(name="Ruled").field.add(name="value", number=1, type=9, label=1)
    field.options.Extensions[rules.field].string.pattern = expression
    message: Any = new_message(file)
    message.value = text

    assert [] == violations(message)
    assert not plainly_valid(message)


def test_names_are_forgotten_in_time():
    """A caller that invents names all day takes no more memory than one that does not."""
    pattern = Pattern("^[a-z0-9]{1,400}$")

    assert all(pattern(f"n{number}") for number in range(5_000))
    assert pattern("x" * 400)
    assert 1_024 >= len(pattern.remembered)
    assert 128 >= max(map(len, pattern.remembered))


def test_what_was_remembered_still_matches_and_nothing_else_does():
    """A second look gives the first answer."""
    pattern = Pattern("^[A-Za-z]{1,5}$")

    assert [True, False, True, False] == [pattern(text) for text in ("Lead", "L d", "Lead", "L d")]
