"""Scripted faults as data: what a YAML file or the control endpoint says, and what is said of a rule.

A rule is a mapping of `match` (method, path, org), `effect`, `probability`, `skip`, `times` and `id`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from service.emulator import effects
from service.emulator.effects import Effect
from service.emulator.rule import Rule
from service.emulator.rule_part import Part, RuleError

__all__ = ["FindOrg", "RuleError", "parse_rule", "parse_rules", "read_rules", "rule_as_json"]

FindOrg = Callable[[str], str | None]
"""Returns the 18-character id of an org by its name or id, or None."""

_MAXIMUM_RULES = 1_000
_ERRORS: Mapping[str, effects.Refuse] = {
    "QUERY_TIMEOUT": effects.Refuse(400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    "UNABLE_TO_LOCK_ROW": effects.Refuse(
        400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records"
    ),
    "CONCURRENT_LIMIT": effects.Refuse(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
    "SERVER_UNAVAILABLE": effects.Refuse(503, "SERVER_UNAVAILABLE", "The server is unavailable"),
    "INVALID_QUERY_LOCATOR": effects.Refuse(400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
    "INVALID_SESSION_ID": effects.Refuse(401, "INVALID_SESSION_ID", "Session expired or invalid"),
}
_RESETS: Mapping[str, Effect] = {
    "accept": effects.TurnAway(),
    "before": effects.Drop(reset=True),
    "mid-request": effects.Drop(mid_request=True, reset=True),
    "after": effects.Drop(after_handling=True, reset=True),
    "mid-body": effects.Drop(mid_body=True, reset=True),
}
"""Where a connection may be reset, in the order of what happens on it."""


def read_rules(path: Path, find_org: FindOrg) -> list[Rule]:
    """Return the rules of a YAML file.

    Raises:
        RuleError: The file cannot be read, is no YAML, or holds a rule that is no good.

    """
    try:
        return parse_rules(yaml.safe_load(path.read_text(encoding="utf-8")), find_org)
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RuleError(f"{path}: is no YAML: {error}") from None
    except RuleError as error:
        raise RuleError(f"{path}: {error}") from None


def parse_rules(document: object, find_org: FindOrg) -> list[Rule]:
    """Return the rules of a document: a list of rules, or a mapping of `seed` and `rules`.

    Raises:
        RuleError: A rule is no good, or two have one id.

    """
    seed = 0
    if isinstance(document, Mapping):
        top = Part("the document", document)
        seed = top.whole("seed", 0, least=-(2**63), most=2**63)
        document = top.take("rules", [])
        top.finish()
    if not isinstance(document, Sequence) or isinstance(document, str) or len(document) > _MAXIMUM_RULES:
        raise RuleError(f"rules has to be a list of at most {_MAXIMUM_RULES}")
    rules = [parse_rule(each, find_org, seed=seed, number=number) for number, each in enumerate(document, 1)]
    names = [rule.id for rule in rules]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise RuleError(f"two rules have the id {repeated!r}")
    return rules


def parse_rule(given: object, find_org: FindOrg, *, seed: int = 0, number: int = 1, rule_id: str | None = None) -> Rule:
    """Return one rule.

    Args:
        given: The mapping.
        find_org: Knows the orgs.
        seed: With the rule's id it decides which matches a probability hits and how long drawn delays are.
        number: The place of the rule, which is its id when it has none.
        rule_id: The id to give it; None for its own.

    Raises:
        RuleError: Naming the place.

    """
    place = f"rule {number if rule_id is None else rule_id}"
    part = Part(place, given)
    match = Part(f"{place}, match", part.take("match", {}))
    org = match.text("org", "")
    org_id = find_org(org) if org else None
    if org and org_id is None:
        raise RuleError(f"{place}, match.org: there is no org {org!r}")
    own_id = part.text("id", f"rule-{number}")
    name = own_id if rule_id is None else rule_id
    seed = part.whole("seed", seed, least=-(2**63), most=2**63)
    effect = _effect(place, part.take("effect", None))
    _refuse_matches(place, effect, match.given)
    rule = Rule(
        effect,
        match.pattern("method", ".*"),
        match.pattern("path", ""),
        org_id,
        part.whole("skip", 0),
        part.count("times"),
        part.number("probability", 1.0, most=1.0),
        name,
        Random(f"{seed}/{name}"),  # noqa: S311 - has to be repeatable, not secret
        dict(given) if isinstance(given, Mapping) else None,
    )
    match.finish()
    part.finish()
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise RuleError(f"{place}: id has to be 1 to 64 letters, digits, dots, dashes and underscores")
    return rule


def rule_as_json(rule: Rule) -> dict[str, object]:
    """Return a rule with what it has done so far."""
    source = {key: value for key, value in (rule.source or {}).items() if key != "id"}
    left = {"skip_left": rule.skip, "times_left": rule.times}
    return {"id": rule.id, **source, "matched": rule.matched, "hits": rule.hits, **left}


def _effect(place: str, given: object) -> Effect:
    if isinstance(given, str):
        given = {given: None}
    if not isinstance(given, Mapping) or len(given) != 1:
        raise RuleError(f"{place}: effect has to be one of {', '.join(_EFFECTS)}")
    ((kind, value),) = given.items()
    build = _EFFECTS.get(str(kind))
    if build is None:
        raise RuleError(f"{place}: effect {kind!r} is not known; there are {', '.join(_EFFECTS)}")
    return build(f"{place}, {kind}", value)


def _refuse_matches(place: str, effect: Effect, match: Mapping[Any, Any]) -> None:
    """Refuse what a rule could never match by, rather than let it hit everything."""
    if isinstance(effect, effects.TurnAway) and match:
        raise RuleError(f"{place}, match: a connection that is reset at once has neither method, path nor org")
    if isinstance(effect, effects.LockParents | effects.SlowJob) and {"method", "path"} & set(match):
        raise RuleError(f"{place}, match: method and path do not apply to {', '.join(_OF_ORGS)}")


def _latency(place: str, value: object) -> Effect:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return effects.Delay(Part(place, {"seconds": value}).number("seconds", 0.0))
    part = Part(place, value)
    if len(part.given) != 1:
        raise RuleError(f"{place}: has to be seconds, or one of fixed, uniform and lognormal")
    kind = next(iter(part.given))
    inner = part.given[kind]
    if kind == "fixed":
        return effects.Delay(part.number("fixed", 0.0))
    if kind == "uniform":
        bounds = Part(f"{place}.uniform", inner)
        low, high = bounds.number("low", 0.0), bounds.number("high", 1.0)
        bounds.finish()
        if low > high:
            raise RuleError(f"{place}.uniform: low has to be at most high")
        return effects.UniformDelay(low, high)
    if kind == "lognormal":
        shape = Part(f"{place}.lognormal", inner)
        made = effects.LogNormalDelay(
            shape.number("median", 0.1, least=1e-6),
            shape.number("sigma", 0.5, most=10.0),
            shape.number("maximum", 60.0),
        )
        shape.finish()
        return made
    raise RuleError(f"{place}: {kind!r} is not known; there are fixed, uniform and lognormal")


def _page(place: str, value: object) -> Effect:
    part = Part(place, {"status": value} if isinstance(value, int) else value or {})
    status, html = part.whole("status", 503, least=300, most=599), part.text("html", effects.Page().html)
    part.finish()
    return effects.Page(status, html)


def _reset(place: str, value: object) -> Effect:
    if not isinstance(value, str) or value not in _RESETS:
        raise RuleError(f"{place}: has to be one of {', '.join(_RESETS)}, not {value!r}")
    return _RESETS[value]


def _error(place: str, value: object) -> Effect:
    if isinstance(value, str):
        if value not in _ERRORS:
            raise RuleError(
                f"{place}: {value!r} is not known; there are {', '.join(_ERRORS)}, or status, code, message"
            )
        return _ERRORS[value]
    part = Part(place, value)
    fields = part.take("fields", [])
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        raise RuleError(f"{place}.fields: has to be a list of field names")
    refused = effects.Refuse(
        part.whole("status", 400, least=300, most=599), part.text("code"), part.text("message", ""), tuple(fields)
    )
    part.finish()
    return refused


def _flag(effect: Effect) -> Callable[[str, object], Effect]:
    def build(place: str, value: object) -> Effect:
        if value is not None and value is not True:
            raise RuleError(f"{place}: has to be true")
        return effect

    return build


def _row_lock(place: str, value: object) -> Effect:
    part = Part(place, {} if value is None or value is True else value)
    made = effects.LockRow(part.text("sobject", "") or None, part.flag("in_trigger"))
    part.finish()
    return made


def _row_latency(place: str, value: object) -> Effect:
    part = Part(place, value)
    sobject, request, row = part.text("sobject", "") or None, part.number("request", 0.0), part.number("row", 0.0)
    part.finish()
    return effects.SlowRows(sobject, request, row)


def _parent_locks(place: str, value: object) -> Effect:
    part = Part(place, {} if value is None or value is True else value)
    made = effects.LockParents(part.number("hold", 0.1, most=600.0))
    part.finish()
    return made


def _slow_jobs(place: str, value: object) -> Effect:
    part = Part(place, value)
    made = effects.SlowJob(part.number("wait", 0.0), part.number("chunk", 0.0))
    part.finish()
    return made


_EFFECTS: Mapping[str, Callable[[str, object], Effect]] = {
    "latency": _latency,
    "page": _page,
    "reset": _reset,
    "error": _error,
    "quota_used_up": _flag(effects.QuotaUsedUp()),
    "revoke_tokens": _flag(effects.RevokeSessions()),
    "slow_jobs": _slow_jobs,
    "row_lock": _row_lock,
    "row_latency": _row_latency,
    "parent_locks": _parent_locks,
}
_OF_ORGS = ("parent_locks", "slow_jobs")
