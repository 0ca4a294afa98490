"""The TypeScript client against a running service: its own tests, run as a team would run them."""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "clients" / "typescript"

TARGET = "SLUICEGATE_TARGET"


async def npm(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run npm in the package and return its exit code and everything it printed."""
    executable = shutil.which("npm")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("npm is not installed, and nothing is skipped where CI is set")
        pytest.skip("npm is not installed")
    process = await asyncio.create_subprocess_exec(
        executable,
        *arguments,
        cwd=PACKAGE,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
async def installed() -> None:
    """Install what the lock file names, unless that was done."""
    if not (PACKAGE / "node_modules").is_dir():
        code, output = await npm("ci", "--no-audit", "--no-fund")
        assert code == 0, output


def count(name: str, output: str) -> int:
    """Read one figure of the test runner's summary, whatever sign the reporter puts before it."""
    found = re.search(rf"^\W+ {name} (\d+)$", output, re.MULTILINE)
    assert found, output
    return int(found[1])


@pytest.mark.timeout(300)
async def test_the_typescript_client_works_against_the_service(installed, target):
    """The package type-checks, and its tests pass against a running service without one being skipped."""
    code, output = await npm("test", environment={TARGET: f"http://{target}"})

    assert code == 0, output
    assert (count("fail", output), count("skipped", output)) == (0, 0), output
    assert count("pass", output) > 0


async def test_the_published_package_holds_the_build_and_no_tests(installed):
    """What `npm pack` would publish is the build and the sources, and the entry points it names exist."""
    code, output = await npm("pack", "--dry-run", "--loglevel", "notice")

    assert code == 0, output
    for path in ("dist/index.js", "dist/index.d.ts", "dist/web.js", "dist/web.d.ts", "src/index.ts", "README.md"):
        assert path in output, output
    assert not re.search(r"\b(test|build)/", output), output


def test_the_lock_file_names_no_download_address():
    """Packages come from whatever registry the reader uses, so the lock file holds versions and digests only."""
    lock = (PACKAGE / "package-lock.json").read_text()

    assert '"integrity"' in lock
    assert '"resolved"' not in lock
