"""The README says what the code does."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sluicegate.json_calls import methods
from sluicegate.v1.error_reason_pb2 import ErrorReason

from service import errors, settings
from service.cli import application
from service.errors import SluicegateError
from service.settings import PREFIX, OrgSettings, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KEYED = {
    "callers": "<caller>",
    "orgs": "<name>",
    "orgs.<name>.governor.callers": "<caller>",
    "links.firebase.patterns": "<pattern>",
    "links.providers": "<name>",
    "link_server.apple_apps": "<app>",
    "link_server.android_apps": "<package>",
}
"""Settings that hold a section for each name, and what the README writes for the name."""


def section(title: str) -> str:
    """Return the text under a heading."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[2]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table under a heading, its head left out."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def leaves(model: type[BaseModel], path: str = "") -> Iterator[list[str]]:
    """Yield a row for each setting: name, variable, default, meaning."""
    for name, field in model.model_fields.items():
        full = f"{path}{name}"
        sections = [found for found in nested(field.annotation) if issubclass(found, BaseModel)]
        if sections:
            below = f"{full}.{KEYED[full]}." if full in KEYED else f"{full}."
            seen: set[str] = set()
            for found in sections:
                for row in leaves(found, below):
                    if row[0] not in seen:
                        seen.add(row[0])
                        yield row
        else:
            variable = PREFIX + full.upper().replace(".", "__")
            yield [f"`{full}`", f"`{variable}`", default(field), field.description or ""]


def nested(annotation: Any) -> list[type]:
    """Return the classes that an annotation is made of."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [found for part in get_args(annotation) for found in nested(part)]


def default(field: Any) -> str:
    """Write a setting's default as the README does."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value in (None, "", {}, ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"


def test_the_table_of_settings_is_complete():
    """Every setting stands in the README with its variable, its default and its meaning, in the order of the code."""
    assert [*leaves(Settings)] == rows("Configuration")


def test_the_examples_of_settings_load(tmp_path, monkeypatch):
    """Every YAML example of the README is a configuration that the service takes."""
    examples = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)

    assert examples
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.yaml"
        path.write_text(example, encoding="utf-8")
        monkeypatch.setenv(settings.CONFIG_VARIABLE, str(path))
        loaded = settings.load({settings.CONFIG_VARIABLE: str(path)})
        assert all(isinstance(org, OrgSettings) for org in loaded.orgs.values())
        assert yaml.safe_load(example)


def codes() -> dict[str, str]:
    """Return the canonical code of each reason; a class that groups others gives way to those it groups."""
    found: dict[str, str] = {}
    open_: list[type[SluicegateError]] = [SluicegateError]
    while open_:
        kind = open_.pop(0)
        if kind.__module__ == errors.__name__:
            found[kind.reason] = kind.code
            open_ += kind.__subclasses__()
    return found


def meanings() -> dict[str, str]:
    """Return what the contract says of each reason, in its order."""
    text = (ROOT / "protos" / "sluicegate" / "v1" / "error_reason.proto").read_text(encoding="utf-8")
    blocks = re.findall(r"((?:^  //.*\n)+)^  ERROR_REASON_(\w+) = [1-9]", text, re.MULTILINE)
    plain = {reason: re.sub(r"^  // ?", "", comment, flags=re.MULTILINE) for comment, reason in blocks}
    return {reason: " ".join(words.partition("Example of")[0].split()) for reason, words in plain.items()}


def test_the_table_of_errors_is_complete():
    """Every reason stands in the README with its code and the contract's own words, and with what to do."""
    known = codes()
    expected = [[f"`{reason}`", f"`{known[reason]}`", meaning] for reason, meaning in meanings().items()]

    found = rows("Errors")

    assert len(ErrorReason.items()) - 1 == len(expected)
    assert expected == [row[:3] for row in found]
    assert all(row[3] for row in found)


def commands() -> list[list[str]]:
    """Return the commands of every shell example, lines that continue joined."""
    found = []
    for example in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in example.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                found.append(words)
    return found


def test_the_commands_exist():
    """Every make target and every sluicegate command of the README is there."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = set(re.findall(r"`make ([a-z-]+)`", README)) | {words[1] for words in commands() if words[0] == "make"}
    app = application()
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    used = {words[1] for words in commands() if words[0].endswith("sluicegate")}
    used |= set(re.findall(r"`sluicegate ([a-z]+)", README))

    assert {"demo", "test"} <= made <= targets
    assert {"serve", "call", "emulate", "config"} <= used <= known


def test_the_methods_exist():
    """Every RPC that the README calls is one of the contract's."""
    named = set(re.findall(r"\b([A-Z]\w+Service/[A-Z]\w+)", README))

    assert len(named) >= 4
    assert named <= set(methods())


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_the_links_lead_somewhere(path):
    """Every file that the README points at exists."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("number", range(2))
def test_the_python_examples_run(target, tmp_path, number):
    """The Python examples do what they say against a running service."""
    sources = re.findall(r"```python\n(.*?)```", section("From Python"), re.DOTALL)
    path = tmp_path / "example.py"
    path.write_text(sources[number].replace("127.0.0.1:50051", target), encoding="utf-8")

    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (0, "", 2) == (ran.returncode, ran.stderr, len(sources))
    assert ("Curie", "row 2 failed REQUIRED_FIELD_MISSING\n")[number] in ran.stdout


def test_the_load_by_calls_works(target, tmp_path):
    """The script writes one row and is told why the other was not."""
    [script] = re.findall(r"```bash\n(.*?)```", section("Bulk loads"), re.DOTALL)
    buf = Path(sys.executable).with_name("buf")
    guides = [path.read_text(encoding="utf-8") for path in ROOT.glob("clients/*/README.md")]
    keys, others = (
        set(re.findall(r"[A-Z]-\d+", text)) for text in (script, README.replace(script, "") + "".join(guides))
    )

    # All examples write to one org, where a record that is there already would make the row that fails an update.
    assert keys
    assert not keys & others
    ran = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            script.replace("127.0.0.1:50051", target).replace(".venv/bin/buf", str(buf)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert "BULK_LOAD_STATE_COMPLETE" in ran.stdout
    assert "REQUIRED_FIELD_MISSING" in ran.stdout


def test_the_calls_work(target):
    """Every `sluicegate call` and `buf curl` of the README is answered by a running service."""
    scripts = Path(sys.executable).parent
    calls = [words for words in commands() if "call" in words or "curl" in words]

    assert len(calls) >= 6
    for words in calls:
        command = [word.replace("127.0.0.1:50051", target) for word in words]
        if command[0].endswith("sluicegate"):
            command += ["--target", target]
        command[0] = str(scripts / Path(command[0]).name)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (0, "") == (ran.returncode, ran.stderr), words
        assert "{" in ran.stdout


def test_the_queries_work(target, tmp_path):
    """Every `sluicegate query` of the README runs, and leaves the file that it names; the mistake looks as shown."""
    command = Path(sys.executable).with_name("sluicegate")
    queries = [words[1:] for words in commands() if words[1:2] == ["query"]]
    shown = re.findall(r"^```\n(sluicegate: .*?)```", section("Queries"), re.MULTILINE | re.DOTALL)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *words, "--target", target], capture_output=True, text=True, check=False, cwd=tmp_path
        )

    assert len(queries) >= 4
    for words in queries:
        ran = run(*words)
        assert (0, "") == (ran.returncode, ran.stderr), words
        assert all((tmp_path / file).stat().st_size for option, file in pairwise(words) if option == "--output")
    for text in shown:
        assert text == run("query", text.splitlines()[1].strip()).stderr
    assert shown


def generate() -> None:
    """Print both tables as the README holds them; run this module to get them."""
    print("| setting | variable | default | meaning |\n| --- | --- | --- | --- |")  # noqa: T201
    for row in leaves(Settings):
        print(f"| {' | '.join(row)} |")  # noqa: T201
    known = codes()
    print("\n| reason | code | when | what to do |\n| --- | --- | --- | --- |")  # noqa: T201
    for reason, meaning in meanings().items():
        print(f"| `{reason}` | `{known[reason]}` | {meaning} | |")  # noqa: T201


if __name__ == "__main__":
    generate()
