"""The rules for writes against an org: what they refuse the org refuses, and what it takes they let pass."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.emulator.config import EmulatorConfig
from service.emulator.schema import Schema
from service.emulator.schema.kinds import audit, deleted, flag, lookup, number, pick, record_id, text, whole
from service.emulator.schema.model import Field, PicklistValue, SObject
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.server import Emulator
from service.errors import InvalidArgument
from service.orgs.write_rules import WriteRules
from service.salesforce.calls import describe
from service.salesforce.calls.writes import ExternalKey, JsonValue, Operation, Write
from service.salesforce.transport.base import Response
from tests.support.emulation import ManualClock
from tests.support.scale import examples

CHOICES = tuple(PicklistValue(value=value, label=label) for value, label in (("A", "Alpha"), ("B", "Bêta"), ("ß", "S")))
THING = SObject(
    name="Thing__c",
    label="Thing",
    label_plural="Things",
    key_prefix="a00",
    custom=True,
    fields=(
        record_id("Record ID"),
        text("Name", "Name", 80, name_field=True, write="defaulted"),
        *audit(),
        deleted(),
        text("Short__c", "Short", 5),
        text("Needed__c", "Needed", 20, write="required"),
        pick("Strict__c", "Strict", ("One=Eins", "Two"), restricted=True),
        Field("Many__c", "Many", "multipicklist", length=4099, restricted_picklist=True, picklist=CHOICES),
        Field("At__c", "At", "time"),
        flag("Flag__c", "Flag"),
        whole("Whole__c", "Whole", 4),
        number("Number__c", "Number", 6, 2),
        lookup("Parent__c", "Parent", "Account", "Parent__r", write="required"),
        lookup("Twin__c", "Twin", "Thing__c", "Twin__r"),
        text("Key__c", "Key", 20, unique=True, external_id=True, id_lookup=True),
        text("Exact__c", "Exact", 20, unique=True, external_id=True, id_lookup=True, case_sensitive=True),
        number("Serial__c", "Serial", 18, 0, unique=True, external_id=True, id_lookup=True),
    ),
)
OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Case", "Event", "Thing__c")
KEYS = {"Thing__c": ("Key__c", "Exact__c", "Serial__c")}
ACCEPTED = frozenset({200, 201, 204})
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass
class Target:
    """An org that is called over a socket, and the rules that its descriptions make."""

    runner: asyncio.Runner
    client: httpx.AsyncClient
    rules: dict[str, WriteRules]
    records: dict[str, list[str]]
    """Ids of records, by sObject."""

    def send(self, write: Write) -> httpx.Response:
        """Write one record, as a call of its own."""
        method, path = "PATCH", f"/sobjects/{write.sobject}"
        if write.operation is Operation.CREATE:
            method = "POST"
        elif write.key is not None:
            path += f"/{write.key.field}/{quote(write.key.value, safe='')}"
        else:
            path += f"/{write.record_id}"
        return self.runner.run(self.client.request(method, path, content=_encoder.encode(write.values)))


async def _open(emulator: Emulator) -> tuple[httpx.AsyncClient, dict[str, WriteRules], dict[str, list[str]]]:
    headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
    client = httpx.AsyncClient(
        base_url=f"{emulator.url}/services/data/v66.0", headers=headers, trust_env=False, timeout=60
    )
    rules = {}
    for name in OBJECTS:
        answer = await client.get(f"/sobjects/{name}/describe")
        description = describe.parse(Response(200, {}, answer.content), org="org", sobject=name)
        rules[name] = WriteRules(description)
    org, user = emulator.org, emulator.org.admin_id
    account = org.create("Account", {"Name": "Acme", "Ext__c": "A-1"}, user_id=user)
    records = {
        "Account": [account],
        "Contact": [org.create("Contact", {"LastName": "Curie", "Ext__c": "C-1"}, user_id=user)],
        "User": [user],
    }
    return client, rules, records


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Target]:
    """An org that knows fields of every type."""
    schema = Schema((*STANDARD_OBJECTS, THING))
    config = EmulatorConfig(directory=tmp_path_factory.mktemp("keys"), daily_api_requests=1_000_000)
    with asyncio.Runner() as runner:
        emulator = Emulator(config, ManualClock(), schema)
        runner.run(emulator.__aenter__())
        client, rules, records = runner.run(_open(emulator))
        yield Target(runner, client, rules, records)
        runner.run(client.aclose())
        runner.run(emulator.__aexit__(None, None, None))


WORDS = st.sampled_from(
    ["", " ", "Curie", "Zoë  ", "x" * 5, "x" * 6 + " ", "x" * 41, "x" * 300, "7", "true", "2026-03-01"]
)
NUMBERS = st.one_of(
    st.integers(-(10**5), 10**5),
    st.integers(-(10**19), 10**19),
    st.decimals(-(10**5), 10**5, places=3),
    st.floats(-1e5, 1e5),
    st.integers(-(10**4), 10**4).map(str),
    st.sampled_from([9999, 9999.5, Decimal("9999.99"), "9999.994", " 12 ", "1e3", "", "x", "1,5", 10**6, "NaN"]),
)
DAYS = st.dates().map(str) | st.sampled_from(["2024-02-29", "2023-02-29", "2026-3-1", "", "soon", 20260301])
CLOCKS = st.times().map(lambda time: time.isoformat("milliseconds")) | st.sampled_from(
    ["00:00:00Z", "23:59:59.999Z", "24:00:00Z", "12:60:00", "12:00", "noon", "", 12]
)
MOMENTS = st.datetimes().map(lambda moment: f"{moment.isoformat('T', 'seconds')}Z") | st.sampled_from(
    ["2026-03-01T12:34:56.789+0100", "2026-03-01T12:34:56-08:00", "2026-03-01T25:00:00Z", "2026-03-01", "now", "", 5]
)
TRUTHS = st.booleans() | st.sampled_from(["true", "FALSE", "1", "0", "yes", "", 1, 0, 1.0])
ANYTHING = st.none() | WORDS | NUMBERS | TRUTHS | DAYS | st.just({"Ext__c": "A-1"})


def values_of(field: describe.Field, target: Target) -> st.SearchStrategy[Any]:
    """Return values for a field: mostly of its type, right and wrong ones, and now and then of any."""
    match field.type:
        case "boolean":
            own: st.SearchStrategy[Any] = TRUTHS
        case "int" | "double" | "currency" | "percent":
            own = NUMBERS
        case "date":
            own = DAYS
        case "datetime":
            own = MOMENTS
        case "time":
            own = CLOCKS
        case "picklist" | "multipicklist":
            known = st.sampled_from([*field.picklist.values(), *field.picklist] or ["New"])
            cased = known | known.map(str.upper) | known.map(str.lower)
            own = cased | st.lists(cased, min_size=1, max_size=3).map(";".join) | WORDS
        case "reference":
            ids = [found for name in field.referenceTo for found in target.records.get(name, [])] or ["001"]
            known = st.sampled_from(ids)
            own = known | known.map(lambda found: found[:15]) | known.map(str.lower) | st.sampled_from(["", "x", 7])
        case "email":
            own = st.just("marie@curie.example") | WORDS
        case _:
            own = WORDS
    return st.one_of(own, own, own, own, own, st.none(), ANYTHING)


def lookups(target: Target, rules: WriteRules) -> dict[str, st.SearchStrategy[Any]]:
    """Return lookups by external id, under the names of relationships."""
    known = {"Account": {"Ext__c": "A-1"}, "Contact": {"Ext__c": "C-1"}}
    found: dict[str, st.SearchStrategy[Any]] = {}
    for field in rules.description.relationships.values():
        keys = [{"type": name, **known[name]} for name in field.referenceTo if name in known]
        plain = [known[name] for name in field.referenceTo if name in known and len(field.referenceTo) == 1]
        wrong: list[Any] = [{"Ext__c": "none"}, {"type": "Campaign", "Ext__c": "A-1"}, None, "A-1"]
        found[field.relationshipName or ""] = st.sampled_from([*keys, *plain, *keys, *plain, *wrong])
    return found


@st.composite
def bodies(draw: st.DrawFn, target: Target, rules: WriteRules) -> dict[str, JsonValue]:
    """Draw a record that has a fair chance of being taken: few fields, all required ones most of the time."""
    fields = {field.name: field for field in rules.description.fields.values()}
    open_names = [name for name, field in fields.items() if field.createable or field.updateable]
    chosen = draw(st.lists(st.sampled_from(open_names), max_size=4, unique=True))
    if draw(st.integers(0, 9)) == 0:
        chosen += draw(st.lists(st.sampled_from([*fields, "Nope__c"]), max_size=1))
    by_key = lookups(target, rules)
    relationships = draw(st.lists(st.sampled_from(sorted(by_key)), max_size=1))
    # Of a lookup that is given twice the org takes the one or the other, which nobody promises.
    given = {rules.description.relationships[name.lower()].name for name in relationships}
    values: dict[str, JsonValue] = {}
    for name in dict.fromkeys(chosen):
        if name not in given:
            given.add(name)
            spelled = draw(st.sampled_from([name, name, name, name.upper(), name.lower()]))
            values[spelled] = draw(values_of(fields[name], target) if name in fields else WORDS)
    if draw(st.integers(0, 5)):
        required = [field for field in fields.values() if field.is_required and field.name not in given]
        values |= {field.name: good(field, target) for field in required}
    return values | {name: draw(by_key[name]) for name in relationships}


@st.composite
def writes(draw: st.DrawFn, target: Target) -> Write:
    """Draw a creation, an update or an upsert."""
    sobject = draw(st.sampled_from(OBJECTS))
    operation = draw(st.sampled_from([Operation.CREATE, Operation.UPSERT, Operation.UPDATE]))
    values = draw(bodies(target, target.rules[sobject]))
    record_id = target.records[sobject][0] if operation is Operation.UPDATE and sobject in target.records else ""
    if operation is Operation.CREATE or record_id:
        return Write(operation, sobject, values, record_id=record_id)
    key_field = draw(st.sampled_from(KEYS.get(sobject, ("Ext__c",))))
    key = draw(st.sampled_from(["K-1", "k-1", "Ä b/c", "7", "07.0", "x" * 20, "x" * 300, "12345678901234567"]))
    if draw(st.integers(0, 5)) == 0:
        values[key_field] = draw(st.sampled_from([key, key.upper(), "other"]))
    return Write(Operation.UPSERT, sobject, values, key=ExternalKey(key_field, key))


def good(field: describe.Field, target: Target) -> JsonValue:
    """Return a value that a required field takes."""
    if field.type == "reference":
        return target.records.get(field.referenceTo[0], ["000000000000000AAA"])[0]
    return "2026-03-01" if field.type == "date" else "New"


def verdict(rules: WriteRules, write: Write) -> InvalidArgument | None:
    """Return what the rules refuse a write with."""
    try:
        rules.examine(write)
    except InvalidArgument as error:
        return error
    return None


def test_nothing_is_refused_that_the_org_takes(target):
    """Whatever the org accepts, the rules let pass: not one record is refused without need."""
    seen: Counter[tuple[bool, bool]] = Counter()

    @settings(max_examples=examples(500))
    @given(st.data())
    def examine(data: st.DataObject) -> None:
        write = data.draw(writes(target))
        refusal = verdict(target.rules[write.sobject], write)
        answer = target.send(write)

        accepted = answer.status_code in ACCEPTED
        seen[accepted, refusal is None] += 1
        assert not accepted or refusal is None, (write.values, write.key)

    examine()

    tried = seen.total()
    assert seen[True, True] > tried / 20
    assert seen[False, False] > tried / 10


@pytest.mark.parametrize(
    ("sobject", "values", "code"),
    [
        ("Lead", {"LastName": "Curie"}, "REQUIRED_FIELD_MISSING"),
        ("Lead", {"LastName": "x" * 81, "Company": "A"}, "STRING_TOO_LONG"),
        ("Lead", {"LastName": "x", "Company": "A", "Nope__c": 1}, "INVALID_FIELD"),
        ("Lead", {"LastName": "x", "Company": "A", "CreatedDate": None}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Lead", {"LastName": "x", "Company": "A", "AnnualRevenue": "much"}, "JSON_PARSER_ERROR"),
        ("Lead", {"LastName": "x", "Company": "A", "GeocodeAccuracy": "No"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Lead", {"LastName": "x", "Company": "A", "AnnualRevenue": 10**18}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Contact", {"LastName": "x", "AccountId": "A-1"}, "MALFORMED_ID"),
    ],
)
def test_what_is_refused_without_a_call(target, sobject, values, code):
    """The org refuses with the code that the class of the refusal stands for."""
    write = Write(Operation.CREATE, sobject, values)

    refusal = verdict(target.rules[sobject], write)
    answer = target.send(write)

    assert refusal is not None
    assert code == json.loads(answer.content)[0]["errorCode"]


KEY_TEXTS = ["A-1", "a-1", " A-1", "Ä-1", "ä-1", "K", "k", "07", "7", "7.0", "12345678901234567", "e\u0301", "É"]


@pytest.mark.parametrize("field", ["Key__c", "Exact__c", "Serial__c"])
@pytest.mark.parametrize("left", KEY_TEXTS)
def test_keys_of_one_record_are_equal(target, field, left):
    """Two external ids that find the same record have the same key, so that they never meet in one call."""
    rules = target.rules["Thing__c"]
    values: dict[str, JsonValue] = {"Needed__c": "x", "Parent__c": target.records["Account"][0]}
    first, *others = [
        Write(Operation.UPSERT, "Thing__c", values, key=ExternalKey(field, text)) for text in (left, *KEY_TEXTS)
    ]
    if verdict(rules, first):
        assert target.send(first).status_code not in ACCEPTED
        return

    record_id = target.send(first).json()["id"]

    for other in others:
        answer = target.send(other)
        if answer.status_code in ACCEPTED and answer.json()["id"] == record_id:
            assert rules.examine(first).key == rules.examine(other).key
