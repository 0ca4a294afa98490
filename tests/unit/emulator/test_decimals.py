"""Decimal numbers: eighteen digits in and out of an org, and what queries make of them."""

import json
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.emulator.decimals import scaled, shown
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import parse_exactly, render
from service.emulator.org import Org
from service.emulator.schema import Field, Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from tests.support.emulation import ManualClock
from tests.support.scale import examples

SCALES = (0, 1, 2, 4, 9, 15, 18)


def fields() -> tuple[Field, ...]:
    kinds = {scale: Field(f"S{scale}__c", f"S{scale}", "double", precision=18, scale=scale) for scale in SCALES}
    money = Field("Money__c", "Money", "currency", precision=18, scale=4, groupable=True)
    key = Field("Key__c", "Key", "double", precision=18, external_id=True, id_lookup=True)
    long = Field("Long__c", "Long", "long", external_id=True, id_lookup=True)
    return (*kinds.values(), money, key, long)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema(
        replace(each, fields=(*each.fields, *fields())) if each.name == "Account" else each for each in STANDARD_OBJECTS
    )


@pytest.fixture
def org(schema):
    made = Org(schema, clock=ManualClock())
    yield made
    made.close()


def add(org: Org, **values: object) -> str:
    return org.create("Account", {"Name": "x", **values}, user_id=org.admin_id)


numbers = st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1)


@settings(max_examples=examples(300))
@given(scale=st.sampled_from(SCALES), digits=numbers)
def test_every_stored_number_is_shown_digit_for_digit(scale, digits):
    """What is shown of a number is the number itself, in JSON that has a point and parses back to it."""
    text = render(shown(scale)(digits)).decode()

    assert Decimal(digits).scaleb(-scale) == Decimal(text)
    assert {".", "e"} & set(text.lower())
    assert digits == scaled(Decimal(text), scale)


@settings(max_examples=examples(300))
@given(number=st.decimals(allow_nan=False, allow_infinity=False), scale=st.sampled_from(SCALES))
def test_numbers_round_half_away_from_zero(number, scale):
    """A number that a field can hold is rounded to the field's scale, one beyond stays beyond."""
    found = scaled(number, scale)

    if abs(number) < 10 ** (18 - scale):
        assert Decimal(found).scaleb(-scale) == number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    else:
        assert 10**18 <= abs(found)
        assert (found < 0) == (number < 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(100), deadline=None)
@given(scale=st.sampled_from(SCALES), digits=numbers)
def test_a_json_number_survives_a_row(org, scale, digits):
    """A number of eighteen digits, written as JSON or as text, is read and found as it was written."""
    number = Decimal(digits).scaleb(-scale)
    name = f"S{scale}__c"
    body = parse_exactly(json.dumps({"Name": "x"}).encode()[:-1] + f', "{name}": {number:f}}}'.encode())

    ids = [org.create("Account", each, user_id=org.admin_id) for each in (body, {"Name": "x", name: f"{number:f}"})]

    for record_id in ids:
        read = org.get("Account", record_id, [name])[name]
        found = org.query(f"SELECT {name} FROM Account WHERE Id = '{record_id}' AND {name} = {number:f}").rows
        assert [number, number] == [Decimal(str(read)), *(Decimal(str(row[name])) for row in found)]


def test_the_type_of_a_number_does_not_depend_on_its_scale(org):
    """Fifteen digits are a float, more a decimal that knows them all; whole ones have a point in JSON."""
    made = add(org, S0__c=5, S2__c=12.5, S4__c="12345678901234.5678", S15__c=41.890251)

    row = org.get("Account", made, ["S0__c", "S2__c", "S4__c", "S15__c"])

    row.pop("attributes")
    assert b'{"S0__c":5.0,"S2__c":12.5,"S4__c":12345678901234.5678,"S15__c":41.890251}' == render(row)


def test_filters_know_every_digit(org):
    """Neighbours of eighteen digits are told apart by every operator, and literals may have more digits than fields."""
    values = ["12345678901234.5677", "12345678901234.5678", "12345678901234.5679"]
    for value in values:
        add(org, Money__c=value)

    def found(condition: str) -> list[str]:
        rows = org.query(f"SELECT Money__c FROM Account WHERE Money__c {condition} ORDER BY Money__c").rows
        return [str(row["Money__c"]) for row in rows]

    low, middle, high = values
    assert [middle] == found(f"= {middle}")
    assert [low, high] == found(f"!= {middle}")
    assert [low] == found(f"< {middle}")
    assert [middle, high] == found(f">= {middle}")
    assert [low, middle] == found(f"< {middle}1")
    assert [high] == found(f">= {middle}1")
    assert [] == found(f"= {middle}1")
    assert [middle] == found(f"IN ({middle}, {low}5)")
    assert [low, high] == found(f"NOT IN ({middle}, {low}5)")
    assert values == found("< 99999999999999999999999")
    assert [] == found("> 99999999999999999999999")
    assert values == found("> -99999999999999999999999")
    many = ", ".join(["1.00001", *(str(number) for number in range(300)), middle])
    assert [middle] == found(f"IN ({many})")


def test_numbers_sort_as_numbers(org):
    """Order is that of the numbers, negative ones first."""
    for value in ("9.5", "-10", "100", "0.0001", "-0.0001", "10"):
        add(org, Money__c=value)

    rows = org.query("SELECT Money__c FROM Account ORDER BY Money__c").rows

    assert [-10, -0.0001, 0.0001, 9.5, 10, 100] == [row["Money__c"] for row in rows]


def aggregate(org: Org, soql: str) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if key != "attributes"} for row in org.query(soql).rows]


def test_sums_are_exact(org):
    """Sums, extremes and groups of numbers keep their digits; an average is a number of fifteen."""
    for value in ("12345678901234.5678", "0.0001", "0.0001", "-3"):
        add(org, Money__c=value)

    [totals] = aggregate(
        org, "SELECT SUM(Money__c) s, MIN(Money__c) low, MAX(Money__c) high, AVG(Money__c) a, COUNT(Id) n FROM Account"
    )
    groups = aggregate(org, "SELECT Money__c m, COUNT(Id) n FROM Account GROUP BY Money__c ORDER BY Money__c")
    chosen = aggregate(
        org,
        "SELECT Money__c m FROM Account GROUP BY Money__c HAVING SUM(Money__c) > 0.00015 AND AVG(Money__c) < 0.00015",
    )

    assert Decimal("12345678901231.568") == totals["s"]
    assert [-3.0, Decimal("12345678901234.5678"), 4] == [totals["low"], totals["high"], totals["n"]]
    assert 3086419725307.892 == pytest.approx(totals["a"])
    assert [(-3.0, 1), (0.0001, 2), (Decimal("12345678901234.5678"), 1)] == [(each["m"], each["n"]) for each in groups]
    assert [{"m": 0.0001}] == chosen


def test_sums_beyond_whole_numbers_go_on(org):
    """A sum of more digits than a field holds is still a number, to fifteen digits."""
    for _ in range(12):
        add(org, S0__c=999999999999999999)

    [totals] = aggregate(org, "SELECT SUM(S0__c) s FROM Account")

    assert 12e18 == pytest.approx(float(str(totals["s"])))


def test_no_rows_have_no_sum(org):
    """The sum and the average of nothing are null."""
    assert [{"s": None, "a": None}] == aggregate(org, "SELECT SUM(Money__c) s, AVG(Money__c) a FROM Account")


def test_format_writes_every_digit(org):
    """FORMAT shows numbers with the digits of their field."""
    add(org, Money__c="12345678901234.5678", S0__c=1234)

    rows = aggregate(org, "SELECT FORMAT(Money__c) m, FORMAT(S0__c) n FROM Account")

    assert [{"m": "$12,345,678,901,234.5678", "n": "1,234"}] == rows


@pytest.mark.parametrize("key", [7, 7.0, "7", "7.00", Decimal("7.0")])
def test_numbers_are_keys(org, key):
    """A record is found by a number however it is written."""
    made = add(org, Key__c=7)

    saved = org.upsert("Account", "Key__c", str(key), {"Name": "y", "Key__c": key}, user_id=org.admin_id)

    assert (made, False) == (saved.id, saved.created)
    assert made == org.find("Account", "Key__c", str(key))


@pytest.mark.parametrize("field", ["Key__c", "Long__c"])
@pytest.mark.parametrize("key", ["1e30", "-99999999999999999999", "9223372036854775808"])
def test_keys_beyond_every_number(org, field, key):
    """A key that no field can hold finds nothing, and cannot be written."""
    with pytest.raises(SalesforceFault) as missed:
        org.find("Account", field, key)
    with pytest.raises(SalesforceFault) as refused:
        org.upsert("Account", field, key, {"Name": "x"}, user_id=org.admin_id)

    assert ["NOT_FOUND", "NUMBER_OUTSIDE_VALID_RANGE"] == [missed.value.error_code, refused.value.error_code]


@pytest.mark.parametrize(
    "body",
    [b"[NaN]", b"[Infinity]", b"[1.]", b"[01]", b'["\xff"]', b'["\\ud800"]', b"[1e999999999999999999999]", b"[" * 5000],
)
def test_bad_json_is_refused(body):
    """Whatever is no JSON is a parser's complaint."""
    with pytest.raises(SalesforceFault) as caught:
        parse_exactly(body)

    assert "JSON_PARSER_ERROR" == caught.value.error_code
