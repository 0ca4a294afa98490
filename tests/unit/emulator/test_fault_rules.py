"""Fault rules as data: whatever a document holds, it is rules or a told error."""

import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from service.emulator.fault_rules import RuleError, parse_rules, rule_as_json
from tests.support.scale import examples

README = Path(__file__).parents[3] / "service" / "emulator" / "README.md"
KEYS = st.sampled_from(
    [
        "id",
        "match",
        "effect",
        "probability",
        "skip",
        "times",
        "seed",
        "method",
        "path",
        "org",
        "latency",
        "uniform",
        "low",
        "high",
        "lognormal",
        "median",
        "sigma",
        "page",
        "status",
        "reset",
        "error",
        "code",
        "row_lock",
        "sobject",
        "slow_jobs",
        "wait",
        "chunk",
        "parent_locks",
        "hold",
        "fields",
        "message",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["after", "("])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4)
)
RULES = st.dictionaries(KEYS, VALUES, max_size=4)


@given(st.lists(RULES | VALUES, max_size=3) | VALUES)
@settings(max_examples=examples(100))
def test_any_document(document: Any):
    """No document leads to anything but rules or a told error."""
    try:
        rules = parse_rules(document, lambda _: None)
    except RuleError:
        return

    assert len({rule["id"] for rule in map(rule_as_json, rules)}) == len(rules)


@given(
    st.dictionaries(st.sampled_from(["latency", "page", "reset", "error", "row_lock", "slow_jobs"]), VALUES, min_size=1)
)
@settings(max_examples=examples(100))
def test_any_effect(effect: Any):
    """No effect leads to anything but a rule or a told error."""
    try:
        (rule,) = parse_rules([{"effect": effect}], lambda _: None)
    except RuleError:
        return

    assert rule.effect is not None


def test_the_example_of_the_readme():
    """The rules shown to readers are rules, one of each effect at least."""
    (example,) = re.findall(r"```yaml\n(seed.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

    rules = parse_rules(yaml.safe_load(example), lambda name: "00D100000000001EAA" if name == "sales" else None)

    assert len({type(rule.effect) for rule in rules}) == 11
