"""The TypeScript client against a running service: its own tests, run as a team would run them."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "typescript"

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


@pytest.fixture
async def consumer(installed: None, tmp_path: Path) -> Path:
    """Make a project that has the package, built, among its own."""
    package = tmp_path / "node_modules" / "@sluicegate" / "client"
    package.mkdir(parents=True)
    shutil.copy(PACKAGE / "package.json", package)
    (package / "node_modules").symlink_to(PACKAGE / "node_modules")
    code, output = await npm("exec", "--", "tsc", "-p", "tsconfig.json", "--outDir", str(package / "dist"))
    assert code == 0, output
    types = {"types": ["node"], "typeRoots": [str(PACKAGE / "node_modules" / "@types")]}
    options = {"strict": True, "target": "es2022", "module": "nodenext", "skipLibCheck": True, **types}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}), encoding="utf-8")
    return tmp_path


def examples(readme: Path) -> list[str]:
    """Return the TypeScript of a README, each example a module; what a later one takes from the first is declared."""
    found = re.findall(r"```ts\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    declared = 'declare const sluicegate: import("@sluicegate/client").Connection;\n'
    return [
        source if " sluicegate = " in source or "sluicegate." not in source else declared + source for source in found
    ]


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


async def test_the_examples_type_check(consumer):
    """Every example that a reader copies is TypeScript that the package's types take."""
    sources = [*examples(ROOT / "README.md"), *examples(PACKAGE / "README.md")]
    for number, source in enumerate(sources):
        (consumer / f"example{number}.mts").write_text(source, encoding="utf-8")

    code, output = await npm("exec", "--", "tsc", "-p", str(consumer), "--noEmit")

    assert code == 0, output
    assert len(sources) >= 4


@pytest.mark.parametrize("number", range(2))
async def test_the_examples_of_the_readme_run(consumer, target, number):
    """What the project's README shows does what it says against a running service."""
    sources = examples(ROOT / "README.md")
    (consumer / "example.mts").write_text(sources[number].replace("127.0.0.1:50051", target), encoding="utf-8")
    code, output = await npm("exec", "--", "tsc", "-p", str(consumer))
    assert code == 0, output

    code, output = await npm("exec", "--", "node", "-e", _RUN.format(consumer))

    assert (code, len(sources)) == (0, 2), output
    assert "REQUIRED_FIELD_MISSING" in output
    assert ("Curie", "2 L-8")[number] in output


_RUN = "process.chdir('{0}'); import('{0}/example.mjs')"
