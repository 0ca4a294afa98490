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

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == found.stdout.strip()
