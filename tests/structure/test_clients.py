"""Each client offers the whole contract."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
import sluicegate
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from sluicegate.channel import SERVICES
from sluicegate.json_calls import methods

CLIENTS = Path(__file__).parents[2] / "clients"
PROTOS = Path(__file__).parents[2] / "protos" / "sluicegate" / "v1"
RPCS: list[MethodDescriptor] = [method for service in SERVICES for method in service.methods]


def snake(name: str) -> str:
    """Spell an RPC as Python does."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def declared() -> set[str]:
    """Name each RPC that the protos declare, as `Service/Method`."""
    found = set()
    for path in PROTOS.glob("*_service.proto"):
        text = path.read_text(encoding="utf-8")
        [service] = re.findall(r"^service (\w+) \{", text, re.MULTILINE)
        found |= {f"{service}/{name}" for name in re.findall(r"^  rpc (\w+)\(", text, re.MULTILINE)}
    return found


def names(services: Iterable[ServiceDescriptor]) -> set[str]:
    """Name each RPC of some services, as `Service/Method`."""
    return {f"{service.name}/{method.name}" for service in services for method in service.methods}


def test_python_knows_every_service():
    """The channel's retries and the calls by JSON cover every RPC of the protos."""
    assert declared() == names(SERVICES) == set(methods())


@pytest.mark.parametrize("method", RPCS, ids=lambda method: method.name)
def test_python_has_a_method_for_each_rpc(method):
    """The method carries the RPC's name, has a docstring, and streams exactly where the RPC does."""
    function = getattr(sluicegate.Client, snake(method.name))

    assert function.__doc__
    assert method.server_streaming == inspect.isasyncgenfunction(function)


def test_python_has_no_method_beside_the_contract():
    """What the client adds is another form of an RPC."""
    public = {name for name in dir(sluicegate.Client) if not name.startswith("_")}

    assert {"query_batches", "query_json_lines"} == public - {snake(method.name) for method in RPCS}


def test_python_exports_what_it_shows():
    """`__all__` names exactly what is visible."""
    visible = {name for name, value in vars(sluicegate).items() if name[0] != "_" and not isinstance(value, ModuleType)}

    assert visible == set(sluicegate.__all__)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_typescript_has_each_service(service):
    """Its connection makes a client of every service; the methods come from the generated descriptors."""
    source = (CLIENTS / "typescript" / "src" / "services.ts").read_text(encoding="utf-8")
    generated = (
        CLIENTS / "typescript" / "src" / "gen" / f"{service.file.name.removesuffix('.proto')}_pb.ts"
    ).read_text(encoding="utf-8")

    assert f"createClient({service.name}, transport)" in source
    for method in service.methods:
        assert re.search(rf"^  {method.name[0].lower()}{method.name[1:]}: \{{", generated, re.MULTILINE), method.name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_dart_has_each_service(service):
    """Its connection holds the generated stub of every service."""
    source = (CLIENTS / "dart" / "lib" / "src" / "client.dart").read_text(encoding="utf-8")

    assert f"{service.name}Client(_channel" in source
