"""The package offers what it says and needs nothing of the service."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import sluicegate


def test_exports():
    """`__all__` names exactly the public names, in order."""
    public = {name for name, value in vars(sluicegate).items() if name[0] != "_" and not isinstance(value, ModuleType)}

    assert sorted(public) == sluicegate.__all__


def test_typed():
    """Type checkers of callers read the package's annotations."""
    assert (Path(sluicegate.__path__[0]) / "py.typed").is_file()


def test_stands_alone():
    """Importing the client imports nothing of the service, nor what only the service needs."""
    code = "import sluicegate, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert set() == {"service", "httpx", "aiohttp", "pydantic", "opentelemetry", "rich"} & set(loaded)
