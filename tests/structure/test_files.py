"""What may stand in the files of the project."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / ".locks"
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "pub" + ".dev/api")
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users)/\w")


def tracked() -> list[Path]:
    """List the files that are under version control and hold text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no working copy of the repository")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix != ".binpb"]


def pins(name: str) -> dict[str, str]:
    """Return the version that a lock file gives each package."""
    text = (LOCKS / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))


def required(*groups: str) -> list[Requirement]:
    """Return what pyproject.toml asks for, with some of its groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    for group in groups:
        wanted += [item for item in project["dependency-groups"][group] if isinstance(item, str)]
    return [Requirement(item) for item in wanted]


def test_no_file_names_a_registry_or_a_machine():
    """Packages come from whatever index the reader uses, and no path is of one machine only."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATHS.search(line) or any(host in line for host in REGISTRIES)
    ]

    assert [] == found


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_holds_versions_and_digests_only(path):
    """No address, no local file; every package has at least one digest."""
    text = path.read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert "://" not in text
    assert " @ " not in text
    assert [] == [package.split()[0] for package in packages if "--hash=sha256:" not in package]


@pytest.mark.parametrize(("lock", "groups"), [("service.txt", ("build",)), ("dev.txt", ("build", "dev"))])
def test_each_dependency_is_pinned(lock, groups):
    """What pyproject.toml asks for stands in the lock, in a version that it allows."""
    pinned = pins(lock)
    wanted = required(*groups)

    wrong = [
        str(item)
        for item in wanted
        if item.name.lower() not in pinned or not item.specifier.contains(pinned[item.name.lower()])
    ]

    assert [] == wrong


def test_both_locks_agree():
    """The tools are tested beside the very versions that the service runs on."""
    service, dev = pins("service.txt"), pins("dev.txt")

    assert {name: dev.get(name) for name in service} == service


def test_yaml_is_yaml():
    """Every manifest and workflow is read without a fault."""
    paths = [path for path in tracked() if path.suffix in {".yaml", ".yml"}]

    assert len(paths) > 5
    for path in paths:
        assert list(yaml.safe_load_all(path.read_text(encoding="utf-8"))), path


def test_make_help_lists_every_target():
    """Each target that a person runs has a line of help."""
    targets = set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    found = {line.split()[0]: line.split(maxsplit=1)[1:] for line in listed.splitlines()}
    assert targets == set(found)
    assert all(found.values())
