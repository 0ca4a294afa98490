"""The image's recipe: what it copies, as whom it runs, how it starts and stops."""

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile as (instruction, arguments), continuation lines joined."""
    text = (ROOT / "k8s" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, arguments) for name, arguments in (line.split(maxsplit=1) for line in lines)]


def last(instructions: list[tuple[str, str]], name: str) -> str:
    return [arguments for given, arguments in instructions if given == name][-1]


def copied(instructions: list[tuple[str, str]]) -> list[str]:
    """List what is copied from the build context."""
    sources = []
    for name, arguments in instructions:
        if name == "COPY" and not arguments.startswith("--from"):
            sources += arguments.split()[:-1]
    return sources


def test_it_runs_as_nobody(instructions):
    """The image runs as a user that is not root, by number, so that Kubernetes can tell."""
    assert last(instructions, "USER") == "65532:65532"


def test_it_gets_signals(instructions):
    """The service is process 1 itself, without a shell that would keep SIGTERM to itself."""
    assert json.loads(last(instructions, "ENTRYPOINT")) == ["sluicegate", "serve"]
    assert last(instructions, "STOPSIGNAL") == "SIGTERM"


def test_the_command_exists(instructions):
    """The entry point is a command that the package installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert json.loads(last(instructions, "ENTRYPOINT"))[0] in project["scripts"]


def test_bases_are_named_by_version(instructions):
    """No stage is built on a base that changes its major version under the same name."""
    bases = [arguments.split()[0] for name, arguments in instructions if name == "FROM"]

    assert len(bases) == 2
    assert all(re.fullmatch(r"\S+:\d+\.\d+-slim", base) for base in bases)


def test_dependencies_are_locked(instructions):
    """Each dependency's digest is checked, and the package itself brings in nothing more."""
    installs = [json.loads(arguments) for name, arguments in instructions if name == "RUN" and '"install"' in arguments]

    assert ["--require-hashes" in install for install in installs] == [True, False]
    assert "--no-deps" in installs[-1]


def test_everything_that_is_copied_exists_and_is_sent(instructions):
    """Each source of a COPY is in the project and is let through by .dockerignore."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]

    for source in copied(instructions):
        assert (ROOT / source).exists(), source
        assert source in allowed


def test_the_package_finds_all_that_it_is_built_from(instructions):
    """What the build reads beside the sources is in the image's build stage."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        project["project"]["readme"],
        *project["project"]["license-files"],
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
    ]

    for path in wanted:
        assert any(path == source or path.startswith(f"{source}/") for source in copied(instructions)), path


@pytest.mark.parametrize("path", [".env", "k8s/prod.pem", ".git", "tests", ".venv", "clients/typescript"])
def test_nothing_else_is_sent(path):
    """The build context is a list of what is wanted, so a working copy's secrets stay out."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert lines[1] == "*"
    assert not any(fnmatch(path, line[1:]) or path.startswith(f"{line[1:]}/") for line in lines if line.startswith("!"))
