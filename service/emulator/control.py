"""The control endpoint `/__control/`, by which tests in any language script faults; Salesforce has no such thing.

| resource | methods |
| --- | --- |
| `/__control/faults` | GET the rules, POST one more, PUT all anew, DELETE all |
| `/__control/faults/{id}` | GET, PUT or DELETE one rule |
| `/__control/statistics` | GET what the emulator holds and has answered |
| `/__control/writes?org=` | GET rows written by sObject, DELETE to count from nothing |
| `/__control/writes/{sobject}?org=&field=&least=` | GET how often each record was written |
| `/__control/calls?org=` | GET requests by resource, DELETE to count from nothing |
"""

import hmac
import ipaddress
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

import yaml
from aiohttp import web

from service.emulator.call_counts import CallCounts
from service.emulator.disturbances import Disturbances
from service.emulator.exchange import Answer
from service.emulator.fault_rules import FindOrg, RuleError, parse_rule, parse_rules, rule_as_json
from service.emulator.faults import SalesforceFault
from service.emulator.org import Org

SEGMENT = "__control"
"""The first segment of every path of the endpoint."""

_MAXIMUM_BYTES = 1_000_000
_MAXIMUM_DIGITS = 9
_READ_OR_FORGET = ({"GET", "DELETE"}, {"GET"})
"""Methods of the writes of an org, and of those of one sObject."""
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


class Control:
    """Answers the control endpoint.

    A caller has to send the token (`Authorization: Bearer …`), or come from this machine: over loopback, by no proxy,
    to a loopback name, and not as a page in a browser, whose requests carry an `Origin`.

    Args:
        disturbances: The faults.
        token: The token.
        find_org: Knows the orgs.
        statistics: Counts what there is.
        orgs: Finds an org by name or id; the first for an empty name.
        calls: The counts of requests.

    """

    def __init__(
        self,
        disturbances: Disturbances,
        token: str,
        *,
        find_org: FindOrg,
        statistics: Callable[[], dict[str, object]],
        orgs: Callable[[str], Org | None],
        calls: CallCounts,
    ) -> None:
        self._disturbances = disturbances
        self._token = token
        self._find_org = find_org
        self._statistics = statistics
        self._orgs = orgs
        self._call_counts = calls
        self._serial = 0

    async def answer(self, request: web.Request, segments: Sequence[str]) -> Answer:
        """Answer a request.

        Args:
            request: The request.
            segments: Its decoded path behind `__control`.

        """
        if not self._may(request):
            return _refused(HTTPStatus.FORBIDDEN, "send the control token, or call from this machine")
        try:
            return await self._dispatch(request, segments)
        except RuleError as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))

    async def _dispatch(self, request: web.Request, segments: Sequence[str]) -> Answer:
        match [*segments]:
            case ["faults"]:
                return await self._all(request)
            case ["faults", rule_id]:
                return await self._one(request, rule_id)
            case ["statistics"] if request.method == "GET":
                return Answer(value=self._statistics())
            case ["writes", *path] if len(path) <= 1 and request.method in _READ_OR_FORGET[len(path)]:
                return self._writes(request, path)
            case ["calls"] if request.method in {"GET", "DELETE"}:
                return self._calls(request)
            case _:
                text = "there are faults, faults/{id}, statistics, writes, writes/{sobject} and calls"
                return _refused(HTTPStatus.NOT_FOUND, text)

    async def _all(self, request: web.Request) -> Answer:
        if request.method == "DELETE":
            self._disturbances.clear()
            return Answer.nothing()
        if request.method == "PUT":
            rules = parse_rules(await _document(request), self._find_org)
            self._disturbances.clear()
            for rule in rules:
                self._disturbances.add_rule(rule)
        elif request.method == "POST":
            self._serial += 1
            document = await _document(request)
            named = document.get("id") if isinstance(document, dict) else None
            rule = parse_rule(document, self._find_org, rule_id=None if named else f"added-{self._serial}")
            self._disturbances.add_rule(rule)
            return Answer(HTTPStatus.CREATED, rule_as_json(rule))
        elif request.method != "GET":
            return _not_allowed("DELETE, GET, POST, PUT")
        return Answer(value={"rules": [rule_as_json(rule) for rule in self._disturbances.named()]})

    async def _one(self, request: web.Request, rule_id: str) -> Answer:
        if request.method == "PUT":
            rule = parse_rule(await _document(request), self._find_org, rule_id=rule_id)
            self._disturbances.add_rule(rule)
            return Answer(value=rule_as_json(rule))
        found = next((rule for rule in self._disturbances.named() if rule.id == rule_id), None)
        if request.method not in {"GET", "DELETE"}:
            return _not_allowed("DELETE, GET, PUT")
        if found is None:
            return _refused(HTTPStatus.NOT_FOUND, f"there is no rule {rule_id[:64]!r}")
        if request.method == "DELETE":
            self._disturbances.remove(found)
            return Answer.nothing()
        return Answer(value=rule_as_json(found))

    def _writes(self, request: web.Request, path: Sequence[str]) -> Answer:
        writes = self._org(request).writes
        if request.method == "DELETE":
            writes.forget()
            return Answer.nothing()
        if not path:
            return Answer(value={"sobjects": writes.totals()})
        least = request.query.get("least", "1")
        if not (least.isdecimal() and least.isascii() and len(least) <= _MAXIMUM_DIGITS):
            raise RuleError("least has to be a whole number")
        try:
            found = writes.by_key(path[0], request.query.get("field", "Id"), least=int(least))
        except SalesforceFault as fault:
            raise RuleError(f"{path[0][:255]}: {fault.message}") from None
        return Answer(value={"writes": found})

    def _calls(self, request: web.Request) -> Answer:
        if request.method == "DELETE":
            self._call_counts.forget()
            return Answer.nothing()
        org_id = self._org(request).id if "org" in request.query else None
        return Answer(value={"calls": self._call_counts.by_resource(org_id)})

    def _org(self, request: web.Request) -> Org:
        name = request.query.get("org", "")
        org = self._orgs(name)
        if org is None:
            raise RuleError(f"there is no org {name[:255]!r}")
        return org

    def _may(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").partition(" ")[2].strip()
        if given:
            return hmac.compare_digest(given.encode(), self._token.encode())
        if "Origin" in request.headers or any(name in request.headers for name in _PROXY_HEADERS):
            return False
        peer = request.transport.get_extra_info("peername") if request.transport else None
        return peer is not None and _is_loopback(str(peer[0])) and _is_loopback(_host(request))


def _host(request: web.Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _document(request: web.Request) -> object:
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > _MAXIMUM_BYTES:
            raise RuleError(f"the body is larger than {_MAXIMUM_BYTES} bytes")
    try:
        return yaml.safe_load(bytes(content))  # JSON is YAML, too
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise RuleError(f"the body is neither JSON nor YAML: {error}") from None


def _refused(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, {"error": text})


def _not_allowed(methods: str) -> Answer:
    return Answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"there are {methods}"}, {"Allow": methods})
