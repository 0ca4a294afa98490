"""The Dart client without a Dart SDK: its sources parse, its names are the contract's, its generation runs."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from sluicegate.v1 import (
    bulk_load_pb2,
    bulk_plan_pb2,
    bulk_service_pb2,
    deep_link_pb2,
    deep_link_service_pb2,
    error_reason_pb2,
    field_value_pb2,
    governor_pb2,
    org_pb2,
    org_service_pb2,
    query_service_pb2,
    record_batch_pb2,
    record_operation_pb2,
    record_pb2,
    record_service_pb2,
)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "dart"
SOURCES = sorted(path for path in PACKAGE.rglob("*.dart") if "gen" not in path.relative_to(PACKAGE).parts)

CONTRACT: tuple[FileDescriptor, ...] = tuple(
    module.DESCRIPTOR
    for module in (
        bulk_load_pb2,
        bulk_plan_pb2,
        bulk_service_pb2,
        deep_link_pb2,
        deep_link_service_pb2,
        error_reason_pb2,
        field_value_pb2,
        governor_pb2,
        org_pb2,
        org_service_pb2,
        query_service_pb2,
        record_batch_pb2,
        record_operation_pb2,
        record_pb2,
        record_service_pb2,
    )
)
MESSAGES: dict[str, Descriptor] = {
    name: message for file in CONTRACT for name, message in file.message_types_by_name.items()
}
CONSTANTS = {value.name for file in CONTRACT for enum in file.enum_types_by_name.values() for value in enum.values} | {
    "NULL_VALUE"
}

Node = Any  # a node of tree_sitter, which may be absent when types are checked


@pytest.fixture(scope="module")
def parser():
    """Make a parser of Dart; where its grammar is not installed there is nothing to check with."""
    try:
        binding = importlib.import_module("tree_sitter")
        grammar = importlib.import_module("tree_sitter_dart")
    except ImportError as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing.name} is not installed, and nothing is skipped where CI is set")
        pytest.skip(f"{missing.name} is not installed")
    return binding.Parser(binding.Language(grammar.language()))


def nodes(root: Node) -> Iterator[Node]:
    """Walk a syntax tree, parents before children."""
    yield root
    for child in root.children:
        yield from nodes(child)


def faults(parser: Any, source: bytes) -> list[str]:
    """List where a source breaks the grammar, as `line: text`."""
    return [
        f"{node.start_point[0] + 1}: {node.text.decode()[:60]!r}"
        for node in nodes(parser.parse(source).root_node)
        if node.is_error or node.is_missing
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_source_is_dart(parser, path):
    """Each file of the package is free of syntax errors."""
    assert faults(parser, path.read_bytes()) == []


@pytest.mark.parametrize("readme", [ROOT / "README.md", PACKAGE / "README.md"], ids=["project", "package"])
def test_the_examples_of_the_readme_are_dart(parser, readme):
    """The code that a reader copies is free of syntax errors."""
    examples = re.findall(r"```dart\n(?:import [^\n]+\n)?(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)

    assert len(examples) >= 2
    for example in examples:
        assert faults(parser, f"void main() async {{ {example} }}".encode()) == []


@pytest.mark.parametrize(
    "source",
    ["class A { int x;", "int f() { return 1 }", "final x = ;", "int f(int a { return a; }", "int f() => retrun 1;"],
)
def test_the_parser_sees_what_is_broken(parser, source):
    """A file that is not Dart does not pass for Dart."""
    assert faults(parser, source.encode())


def dart_names(message: Descriptor) -> set[str]:
    """Name the fields of a message as the Dart generator does: `field` clashes with the runtime's `hasField`."""
    return {f"field_{field.number}" if field.name == "field" else field.camelcase_name for field in message.fields}


def test_messages_are_made_with_the_fields_of_the_contract(parser):
    """No argument of a message's constructor is misspelt or gone from the contract."""
    unknown = []
    seen = set()
    for path in SOURCES:
        for node in nodes(parser.parse(path.read_bytes()).root_node):
            message = MESSAGES.get(node.text.decode()) if node.type == "identifier" else None
            arguments = node.next_sibling
            if message is None or arguments is None or arguments.type != "selector":
                continue
            seen.add(message.name)
            labels = [
                label.children[0].text.decode()
                for part in arguments.children
                for call in part.children
                for argument in call.children
                for label in argument.children
                if label.type == "label"
            ]
            unknown += [f"{message.name}.{label}" for label in labels if label not in dart_names(message)]

    assert unknown == []
    assert {"FieldValue", "RecordReference", "ExternalId", "RecordBatch", "Column"} <= seen


def test_constants_are_those_of_the_contract():
    """Every enum value that the package names is in the contract."""
    used = {name for path in SOURCES for name in re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", path.read_text())}
    reasons = {name.removeprefix("ERROR_REASON_") for name in CONSTANTS}

    assert used - CONSTANTS - reasons == set()
    assert "COLUMN_TYPE_INT64" in used


def test_every_kind_of_value_is_read():
    """The reader of field values has a case for each kind of the contract."""
    source = (PACKAGE / "lib" / "src" / "values.dart").read_text()

    read = set(re.findall(r"FieldValue_Kind\.(\w+) =>", source))

    assert read == dart_names(MESSAGES["FieldValue"]) | {"notSet"}


def test_exactly_the_harmless_calls_are_repeated():
    """The client repeats each unary method that the contract declares harmless to repeat, and no other."""
    source = (PACKAGE / "lib" / "src" / "client.dart").read_text()
    harmless = {
        method.name[0].lower() + method.name[1:]
        for file in CONTRACT
        for service in file.services_by_name.values()
        for method in service.methods
        if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
        and not (method.client_streaming or method.server_streaming)
    }

    repeated = set(re.findall(r"_repeat\(\(options\) => \w+\.(\w+)\(request, options: options\)\)", source))

    assert repeated == harmless


def test_calls_that_are_harmless_once_only_are_repeated_with_a_request_id():
    """The client asks for the request id of each unary method that has one, and of no other, before it repeats."""
    source = (PACKAGE / "lib" / "src" / "client.dart").read_text()
    identified = {
        method.name[0].lower() + method.name[1:]
        for file in CONTRACT
        for service in file.services_by_name.values()
        for method in service.methods
        if "request_id" in method.input_type.fields_by_name
    }

    asked = set(
        re.findall(r"_repeatIf\(request\.requestId, \(options\) => \w+\.(\w+)\(request, options: options\)\)", source)
    )

    assert asked == identified == {"createRecord", "applyRecords", "composeRecords", "claimDeepLink"}


def test_every_contract_file_is_exported():
    """A message of the contract is in reach of whoever imports the package."""
    exports = (PACKAGE / "lib" / "src" / "contract.dart").read_text()

    exported = set(re.findall(r"gen/(\S+)\.pb(?:grpc)?\.dart", exports))

    assert exported == {file.name.removesuffix(".proto") for file in CONTRACT}


def test_one_command_generates_the_stubs(tmp_path):
    """The script hands the contract and what it imports to the generator, and nothing else."""
    buf = Path(sys.executable).parent / "buf"
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dart").write_text("#!/bin/sh\nexit 0\n")
    (tools / "protoc-gen-dart").write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse\n"
        "request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())\n"
        "response = CodeGeneratorResponse(supported_features=1)\n"
        "for name in request.file_to_generate:\n"
        "    response.file.add(name=name + '.dart', content=request.parameter)\n"
        "sys.stdout.buffer.write(response.SerializeToString())\n"
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    for name in ("buf.yaml", "protos", "clients/dart"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("gen", ".dart_tool"))
        else:
            shutil.copy(source, target)

    subprocess.run(
        [tmp_path / "clients" / "dart" / "generate.sh"],
        env={**os.environ, "PATH": f"{tools}:{buf.parent}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )

    generated = tmp_path / "clients" / "dart" / "lib" / "src" / "gen"
    files = {str(path.relative_to(generated)): path.read_text() for path in generated.rglob("*.dart")}
    assert set(files) == {f"{file.name}.dart" for file in CONTRACT} | {"buf/validate/validate.proto.dart"}
    assert set(files.values()) == {"grpc"}
