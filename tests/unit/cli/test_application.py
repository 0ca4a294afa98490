"""The command line as a whole."""

import subprocess
import sys

from typer.testing import CliRunner

from service.cli import application


def test_help_lists_every_command():
    """Whoever types the name alone sees what there is."""
    result = CliRunner().invoke(application(), [])

    assert all(
        name in result.output for name in ("serve", "emulate", "call", "query", "limits", "link", "demo", "config")
    )


def test_an_org_that_starts_does_not_wait_for_grpc():
    """A command imports what it needs: the emulator is up before gRPC would be imported."""
    code = (
        "import sys; from service.cli import application; application(['emulate']); "
        "print(sorted({'grpc', 'opentelemetry'} & set(sys.modules)))"
    )

    assert "[]" == printed(code)


def test_a_service_that_starts_imports_neither_an_org_nor_an_exporter_that_nothing_asks_for():
    """Where orgs are configured and no collector is, the emulator and OTLP's exporter would be imported for nothing."""
    code = (
        "import sys; import service.cli.serve; "
        "print(sorted({'service.emulator', 'opentelemetry.exporter.otlp.proto.grpc'} & set(sys.modules)))"
    )

    assert "[]" == printed(code)


def test_garbage_is_collected_once_the_modules_are_there():
    """A start without the collector is quicker; what runs afterwards has it."""
    code = (
        "import gc, service.cli; seen = []; "
        "service.cli.application = lambda names: seen.append(gc.isenabled()) or (lambda: seen.append(gc.isenabled())); "
        "service.cli.main(); print(seen)"
    )

    assert "[False, True]" == printed(code)


def printed(code: str) -> str:
    """Run code in a process of its own, and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
