"""The command line as a whole."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from service.cli import application


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let processes heed Ctrl-C, which they leave alone where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("way", [["-m", "service"], ["-c", "from service.cli import main; main()"]])
def test_a_stop_during_the_start_is_one(tmp_path, way):
    """Ctrl-C while modules are imported ends the command as it does later on, and without a word."""
    stopping = "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(30)"
    (tmp_path / "typer.py").write_text(stopping, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}

    ran = subprocess.run(
        [sys.executable, *way, "bulk", "load"], env=environment, capture_output=True, text=True, check=False, timeout=20
    )

    assert (130, "", "") == (ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.usefixtures("ctrl_c")
def test_a_stop_once_the_modules_are_there_is_the_commands_own():
    """What runs then has something to put in order; a process that is told to leave Ctrl-C alone goes on to."""
    code = (
        "import signal, service.cli; seen = []; note = lambda: seen.append(signal.getsignal(signal.SIGINT)); "
        "service.cli.application = lambda names: note() or note; "
        "service.cli.main(); signal.signal(signal.SIGINT, signal.SIG_IGN); service.cli.main(); "
        "print(seen[0] is not seen[1], seen[1] is signal.default_int_handler, seen[2:] == [signal.SIG_IGN] * 2)"
    )

    assert "True True True" == printed(code)
