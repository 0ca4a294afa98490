"""The contract: what it says of itself, and what the code says of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import protovalidate
import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodOptions,
    SourceCodeInfo,
)
from sluicegate.v1.error_reason_pb2 import ErrorReason

from service import errors
from service.errors import SluicegateError
from service.rpc.status import DOMAIN

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
KINDS = {
    SluicegateError,
    errors.InvalidArgument,
    errors.NotFound,
    errors.Conflict,
    errors.Refused,
    errors.Exhausted,
    errors.Unavailable,
}
"""Classes that group others and are not raised."""
SERVICE, METHOD, ENUM, ENUM_VALUE = 6, 2, 5, 2
"""Field numbers in descriptor.proto, which make up the path of a comment."""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescriptorProto]:
    """Compile the contract with its comments; files by their path below protos/."""
    names = sorted(path.relative_to(PROTOS).as_posix() for path in (PROTOS / "sluicegate" / "v1").glob("*.proto"))
    image = tmp_path_factory.mktemp("image") / "contract.binpb"
    arguments = [f"-I{PROTOS / 'vendor'}", f"-I{PROTOS}", "--include_imports", "--include_source_info"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments, f"--descriptor_set_out={image}", *names]
    subprocess.run(command, check=True)
    return {file.name: file for file in FileDescriptorSet.FromString(image.read_bytes()).file}


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Return the comment before each element, by its path."""
    locations: list[SourceCodeInfo.Location] = list(file.source_code_info.location)
    return {tuple(location.path): location.leading_comments.strip() for location in locations}


def raised() -> list[type[SluicegateError]]:
    """Return every class of error that can be raised."""
    found: list[type[SluicegateError]] = []
    open_: list[type[SluicegateError]] = [SluicegateError]
    while open_:
        kind = open_.pop()
        found.append(kind)
        open_ += kind.__subclasses__()
    return [kind for kind in found if kind not in KINDS and kind.__module__ == errors.__name__]


def reasons(contract: dict[str, FileDescriptorProto]) -> dict[str, str]:
    """Return the comment of each reason, in the order of the contract."""
    file = contract["sluicegate/v1/error_reason.proto"]
    texts = comments(file)
    values = file.enum_type[0].value
    return {
        value.name.removeprefix("ERROR_REASON_"): texts[ENUM, 0, ENUM_VALUE, index]
        for index, value in enumerate(values)
        if value.number
    }


def test_each_reason_has_one_class_and_each_class_one_reason():
    """What is documented can be raised, and what can be raised is documented."""
    documented = {name.removeprefix("ERROR_REASON_") for name in dict(ErrorReason.items())} - {"UNSPECIFIED"}

    assert sorted(documented) == sorted(kind.reason for kind in raised())
    assert {kind.reason for kind in KINDS} <= documented


def test_each_reason_has_an_example(contract):
    """Under every value stands an ErrorInfo of that reason and domain, whose metadata is text."""
    for reason, text in reasons(contract).items():
        _, found, example = text.partition("Example of an ErrorInfo:")
        info = json.loads(example) if found else {}

        assert (reason, DOMAIN) == (info.get("reason"), info.get("domain"))
        assert all(isinstance(value, str) for value in info["metadata"].values())


def test_documented_metadata_is_exemplified(contract):
    """The keys that a class's docstring promises are those of the example, but for what depends on Salesforce."""
    texts = reasons(contract)
    for kind in raised():
        promised = re.search(r"Metadata: ([a-z_]+(?:, [a-z_]+)*)\.", kind.__doc__ or "")
        example = json.loads(texts[kind.reason].partition("Example of an ErrorInfo:")[2])["metadata"]

        assert promised is None or set(promised[1].split(", ")) & set(example), kind.__name__


def test_each_rpc_says_whether_it_may_be_repeated(contract):
    """The level is written down, also where it is the default; clients take their retries from it."""
    for file in contract.values():
        for service in file.service:
            for method in service.method:
                assert method.options.HasField("idempotency_level"), method.name


def test_what_changes_nothing_is_said_to_change_nothing(contract):
    """Methods that only read have no side effects; nothing that writes claims so."""
    levels = {
        method.name: MethodOptions.IdempotencyLevel.Name(method.options.idempotency_level)
        for file in contract.values()
        for service in file.service
        for method in service.method
    }
    verbs = ("Get", "List", "Watch", "Query", "Explain", "Plan", "Resolve", "CreateDeepLink")
    reading = {name for name in levels if name.startswith(verbs)}

    assert reading == {name for name, level in levels.items() if level == "NO_SIDE_EFFECTS"}


def test_each_rpc_has_a_comment(contract):
    """The comment is a sentence that begins with what the RPC does."""
    for file in contract.values():
        texts = comments(file)
        for place, service in enumerate(file.service):
            for index, method in enumerate(service.method):
                text = texts.get((SERVICE, place, METHOD, index), "")

                assert re.match(r"[A-Z][a-z]+s\b[^.]*", text), method.name
                assert "." in text, method.name


def flattened(file: FileDescriptorProto) -> dict[str, tuple[int, int, int, str, str]]:
    """Return each field of a file by its full name: number, type, label, type name and what it extends."""
    found: dict[str, tuple[int, int, int, str, str]] = {}

    def walk(prefix: str, message: DescriptorProto) -> None:
        for field in message.field:
            name = f"{prefix}{message.name}.{field.name}"
            found[name] = (field.number, field.type, field.label, field.type_name, field.extendee)
        for nested in message.nested_type:
            walk(f"{prefix}{message.name}.", nested)

    for message in file.message_type:
        walk("", message)
    for field in file.extension:
        found[field.name] = (field.number, field.type, field.label, field.type_name, field.extendee)
    return found


def test_the_vendored_rules_are_those_of_the_validator(contract):
    """The declared subset of buf/validate has the numbers and types that the installed protovalidate reads."""
    ours = flattened(contract["buf/validate/validate.proto"])
    # The public module offers the extensions only; the whole file is needed.
    generated = protovalidate._gen.buf.validate.validate_pb  # type: ignore[attr-defined]
    theirs = flattened(FileDescriptorProto.FromString(generated._DESC.proto.to_binary()))

    assert ours.keys() <= theirs.keys()
    assert {name: theirs[name] for name in ours} == ours
    assert "StringRules.pattern" in ours
