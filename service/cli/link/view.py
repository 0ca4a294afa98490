"""What a link opens as a person reads it."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_STATES = {
    "FOUND": "it is there",
    "MISSING": "there is no such record",
    "DELETED": "it is in the recycle bin",
    "": "not looked up",
}


def view(answer: dict[str, Any], *, with_reasons: bool) -> RenderableType:
    """Return what to print.

    Args:
        answer: The response of ResolveDeepLink as JSON.
        with_reasons: Whether to tell why each target stands where it does, and what was left out.

    """
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in _facts(answer):
        facts.add_row(name, Text(_plain(text)))
    parts: list[RenderableType] = [facts, Text(), _targets(answer, with_reasons=with_reasons)]
    if with_reasons and answer.get("leftOut"):
        parts += [Text(), _left_out(answer["leftOut"])]
    return Group(*parts)


def _facts(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    record = answer.get("record", {})
    key = record.get("id") or "=".join(record.get("externalId", {}).get(name, "") for name in ("field", "value"))
    state = _STATES.get(_word(answer.get("recordState", ""), "LINKED_RECORD_STATE_").upper(), "")
    yield "record", f"{record.get('object', '')} {key.strip('=')}".strip() + (f", {state}" if state else "")
    yield "action", answer.get("action", "")
    if answer.get("provider"):
        yield "provider", answer["provider"]
    for name, value in sorted(answer.get("campaign", {}).items()):
        yield name, value
    for name, value in answer.get("readRecord", {}).get("fields", {}).items():
        # A FieldValue has one of its fields set; null says so by itself.
        yield name, "null" if "nullValue" in value else " ".join(str(part) for part in value.values())
    if answer.get("deferredToken"):
        yield "token", f"{answer['deferredToken']} (until {answer.get('deferredTokenExpireTime', '')})"
    if answer.get("renewedUrl"):
        yield "renewed", answer["renewedUrl"]


def _targets(answer: dict[str, Any], *, with_reasons: bool) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, target in enumerate(answer.get("targets", []), 1):
        kind = _word(target.get("kind", ""), "DEEP_LINK_TARGET_KIND_")
        table.add_row(str(number), kind, Text(_plain(target.get("uri", ""))))
        if with_reasons:
            table.add_row("", "", Text(_plain(target.get("explanation", "")), style="dim"))
    return table


def _left_out(left_out: list[dict[str, Any]]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column(no_wrap=True, style="dim")
    table.add_column(style="dim")
    for target in left_out:
        kind = _word(target.get("kind", ""), "DEEP_LINK_TARGET_KIND_")
        table.add_row("-", kind, Text(_plain(target.get("explanation", ""))))
    return table


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).removesuffix("UNSPECIFIED").replace("_", " ").lower()


def _plain(text: str) -> str:
    """Return a text of the service's without what would move the terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
