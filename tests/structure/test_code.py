"""The code keeps to its layers and says what it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
GENERATED = ("clients/python/sluicegate/v1", "clients/python/buf")
MODULES = sorted(
    path
    for folder in ("service", "clients/python", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if not path.relative_to(ROOT).as_posix().startswith(GENERATED)
)


def test_imports_point_down():
    """Every contract of pyproject.toml on what may import what is kept."""
    linted = subprocess.run(
        [SCRIPTS / "lint-imports", "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (0, "") == (linted.returncode, linted.stdout.partition("Broken contracts")[2])
    assert " 0 broken." in linted.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_says_what_it_is(path):
    """Every module that is written by hand begins with a docstring, which begins with a sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring
    assert docstring.split("\n\n")[0][-1] in ".:"


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name.startswith("test_")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_test_says_what_it_holds(path):
    """Every test begins with a docstring that states the behaviour."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert [] == silent
