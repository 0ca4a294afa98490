"""What tests of every folder share: a service of its own process."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import hypothesis
import pytest
import structlog

from tests.support.scale import examples

# A busy machine makes a good test slow; slowness is nothing that these tests are about.
hypothesis.settings.register_profile(
    "sluicegate", max_examples=examples(150), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("sluicegate")

# Otherwise each of the many processes that tests start would compile the service for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what a test configures of logging, also for loggers that wrote a line meanwhile.

    A command run within the process configures logging for good. A module's logger that keeps what it found then
    would write past every `capture_logs` of the tests that come after.
    """
    configure = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **given: configure(**{**given, "cache_logger_on_first_use": False})
    )
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """Run `sluicegate serve` on free ports and yield `host:port` of its gRPC listener."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")},
        "SLUICEGATE_GRPC__PORT": "0",
        "SLUICEGATE_GRPC__DRAIN_SECONDS": "1",
        "SLUICEGATE_ADMIN__PORT": "0",
        "SLUICEGATE_LINK_SERVER__PORT": "0",
        "SLUICEGATE_EMULATOR__PORT": "0",
    }
    command = [sys.executable, "-m", "service", "serve", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["grpc"]
        finally:
            process.terminate()
            process.wait(timeout=20)
