"""Search by SOSL and by parameters."""

from collections.abc import Mapping, Sequence

from multidict import MultiMapping

from service.emulator.engine.shapes import Record
from service.emulator.exchange import Answer, OrgCall
from service.emulator.json_text import parse_object
from service.emulator.routing import Router
from service.emulator.search import terms
from service.emulator.search.statement import MAX_ROWS, Group, Search, Target, read, target

_GROUPS: Mapping[str, Group] = {
    "ALL": "ALL",
    "NAME": "NAME",
    "EMAIL": "EMAIL",
    "PHONE": "PHONE",
    "SIDEBAR": "SIDEBAR",
}
_WRAPPED_FROM = 37
"""The version since which the answer is an object."""


def add_to(router: Router[OrgCall]) -> None:
    """Add the search resources."""
    router.add("search", get=_search)
    router.add("parameterizedSearch", get=_parameterized_by_url, post=_parameterized_by_body)


async def _search(call: OrgCall) -> Answer:
    sosl = call.query.get("q", "")
    if not sosl.strip():
        raise terms.malformed("A search string has to be specified")
    return await _answer(call, read(sosl))


async def _parameterized_by_url(call: OrgCall) -> Answer:
    query = call.query
    names = query.getall("sobject", []) if isinstance(query, MultiMapping) else [query.get("sobject", "")]
    sobjects = [
        {
            "name": name,
            "fields": query.get(f"{name}.fields"),
            "where": query.get(f"{name}.where"),
            "orderBy": query.get(f"{name}.orderBy"),
            "limit": query.get(f"{name}.limit"),
        }
        for name in names
        if name
    ]
    return await _answer(call, _read({**query, "sobjects": sobjects}))


async def _parameterized_by_body(call: OrgCall) -> Answer:
    return await _answer(call, _read(parse_object(await call.body.read())))


async def _answer(call: OrgCall, search: Search) -> Answer:
    org = call.tenant.org
    found: list[Record] = await org.search(search, api_version=call.version, user_id=call.user_id, at_once=call.at_once)
    return Answer(value={"searchRecords": found} if float(call.version) >= _WRAPPED_FROM else found)


def _read(wanted: Mapping[str, object]) -> Search:
    """Read a parameterized search (Salesforce REST API, "Parameterized Search"); texts of faults are unverified."""
    words = wanted.get("q")
    if not isinstance(words, str) or not words.strip():
        raise terms.malformed("A search string has to be specified")
    terms.check(words)
    group = str(wanted.get("in") or "ALL").upper()
    if group not in _GROUPS:
        raise terms.malformed(f"unknown search group: {group}")
    sobjects = wanted.get("sobjects") or []
    if not isinstance(sobjects, list) or not all(isinstance(each, dict) and each.get("name") for each in sobjects):
        raise terms.malformed("sobjects has to be a list of objects with a name")
    fields = _names(wanted.get("fields"))
    if fields and not sobjects:
        raise terms.malformed("fields need an sobject they are of")
    most = _count(wanted.get("defaultLimit"), "defaultLimit")
    targets = tuple(_target(each, fields, most) for each in sobjects)
    limit = _count(wanted.get("overallLimit"), "overallLimit")
    return Search(words, _GROUPS[group], targets, min(limit or MAX_ROWS, MAX_ROWS))


def _target(wanted: Mapping[str, object], fields: Sequence[str], most: int | None) -> Target:
    clauses = [f"WHERE {wanted['where']}"] if wanted.get("where") else []
    if wanted.get("orderBy"):
        clauses.append(f"ORDER BY {wanted['orderBy']}")
    limit = _count(wanted.get("limit"), "limit") or most
    if limit is not None:
        clauses.append(f"LIMIT {limit}")
    return target(str(wanted["name"]), ", ".join(_names(wanted.get("fields")) or fields or ["Id"]), " ".join(clauses))


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [str(name) for name in value] if isinstance(value, list) else []


def _count(value: object, name: str) -> int | None:
    if value is None or value == "":
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or len(text) > len("2000"):
        raise terms.malformed(f"{name} has to be a number up to {MAX_ROWS}")
    return int(text)
