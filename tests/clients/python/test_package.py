"""The package offers what it says and needs nothing of the service."""

import subprocess
import sys
from pathlib import Path

import sluicegate


def test_exports():
    """`__all__` names exactly the public names, in order."""
    modules = {"bulk", "channel", "client", "ending", "errors", "results", "rows", "upload", "v1", "values", "words"}
    public = {name for name in vars(sluicegate) if not name.startswith("_")} - modules

    assert sorted(public) == sluicegate.__all__


def test_typed():
    """Type checkers of callers read the package's annotations."""
    assert (Path(sluicegate.__path__[0]) / "py.typed").is_file()


def test_stands_alone():
    """Importing the client imports nothing of the service, nor what only the service needs."""
    code = "import sluicegate, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert set() == {"service", "httpx", "aiohttp", "pydantic", "opentelemetry", "rich"} & set(loaded)
