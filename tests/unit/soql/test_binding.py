"""Binding: values become literals, and what cannot is refused by name."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from service.errors import InvalidParameter, MessageTooLarge
from service.soql import Value, ast, bind, parse, to_soql
from tests.support.scale import examples
from tests.unit.soql.queries import texts, values

HEAD = "SELECT Id FROM Account WHERE"


def bound(text: str, **named: Value) -> str:
    return to_soql(bind(parse(f"{HEAD} {text}"), named)).removeprefix(HEAD).strip()


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("10.10"), "10.10"),
        ("O'Brien", r"'O\'Brien'"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T00:00:00.000Z"),
        (datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=UTC), "2026-03-01T01:02:03.456Z"),
        (time(13, 5), "13:05:00.000Z"),
    ],
)
def test_each_type_has_its_literal(value: Value, printed: str) -> None:
    """A value of each supported type is printed as the literal of that type."""
    assert f"X = {printed}" == bound("X = :v", v=value)


@settings(deadline=None, max_examples=examples(1000))
@given(values)
def test_a_bound_value_is_one_literal_whatever_it_holds(value: Value) -> None:
    """No value can add a condition, a clause or a second statement."""
    query = bind(parse(f"{HEAD} X = :v"), {"v": value})

    again = parse(to_soql(query))

    assert query == again
    assert isinstance(again.where, ast.Comparison)


@settings(deadline=None)
@given(texts)
def test_escaped_text_in_like_holds_no_wildcard(text: str) -> None:
    """Text with a backslash before each wildcard and each backslash matches only itself."""
    query = bind(parse(f"{HEAD} X LIKE :v"), {"v": re.sub(r"[\\%_]", r"\\\g<0>", text)})

    condition = query.where
    assert isinstance(condition, ast.Comparison)
    assert isinstance(condition.right, ast.Pattern)
    stripped = condition.right.value.replace(r"\\", "").replace(r"\%", "").replace(r"\_", "")
    assert not set(stripped) & set("\\%_")


def test_like_takes_wildcards_and_stray_backslashes_as_they_look() -> None:
    """In LIKE the caller's wildcards work, and a backslash that escapes nothing means itself."""
    assert bound("X LIKE :v", v=r"C:\dir%") == r"X LIKE 'C:\\dir%'"
    assert bound("X LIKE :v", v=r"50\%%") == r"X LIKE '50\%%'"


@pytest.mark.parametrize(
    ("condition", "value"),
    [("X IN :v", ["a"] * 1000), ("X IN :v", [1] * 1000), ("X = :v", "x" * 4000), ("X NOT IN (1, :v)", [None] * 1000)],
)
def test_values_that_stand_often_are_not_written_out(condition: str, value: Value) -> None:
    """A small request that names a long value again and again is refused before it fills the memory."""
    query = parse(f"{HEAD} {' OR '.join([condition] * 1000)}")

    with pytest.raises(MessageTooLarge, match="shorter lists") as caught:
        bind(query, {"v": value})

    assert ["parameters.v"] == [violation.field for violation in caught.value.violations]


def test_lists_of_the_greatest_length_are_bound() -> None:
    """What a query can hold it may be given."""
    assert 99_941 == len(bound("X IN :v", v=["a" * 12] * 6246))


def test_lists_fill_in_includes_and_parentheses() -> None:
    """A list fills the whole list or stands among its members."""
    assert bound("X IN :v", v=["a", None]) == "X IN ('a', NULL)"
    assert bound("X NOT IN (1, :v)", v=(2, 3)) == "X NOT IN (1, 2, 3)"
    assert bound("X INCLUDES :v", v=["a;b"]) == "X INCLUDES ('a;b')"
    assert bound("X IN :v", v="one") == "X IN ('one')"


def test_holes_everywhere_are_filled() -> None:
    """LIMIT, OFFSET, HAVING, semi-joins, child subqueries and repeated names are all bound."""
    query = parse(
        "SELECT Id, (SELECT Id FROM Contacts WHERE a = :a) FROM Account WHERE NOT (b = :a OR c IN (SELECT Id FROM X "
        "WHERE d = :b)) LIMIT :n OFFSET :n"
    )

    result = to_soql(bind(query, {"a": "x", "b": 1, "n": 3}))

    assert result == (
        "SELECT Id, (SELECT Id FROM Contacts WHERE a = 'x') FROM Account WHERE NOT (b = 'x' OR c IN (SELECT Id FROM X "
        "WHERE d = 1)) LIMIT 3 OFFSET 3"
    )


@pytest.mark.parametrize(
    ("text", "given_", "words"),
    [
        ("X = :v", {}, "needs a value"),
        ("X = :v", {"v": 1, "w": 2}, "has no parameter :w"),
        ("X = :v", {"v": [1]}, "holds a list"),
        ("X IN :v", {"v": []}, "empty list"),
        ("X IN :v", {"v": [["a"]]}, "no literal"),
        ("X = :v", {"v": b"x"}, "no literal"),
        ("X = :v", {"v": object()}, "no literal"),
        ("X = :v", {"v": "a\x00b"}, "NUL"),
        ("X = :v", {"v": "a\ud800"}, "surrogate"),
        ("X = :v", {"v": "x" * 4001}, "4001 characters"),
        ("X = :v", {"v": float("nan")}, "finite"),
        ("X = :v", {"v": float("inf")}, "finite"),
        ("X = :v", {"v": 10**5000}, "finite"),
        ("X = :v", {"v": Decimal("1e999999999")}, "finite"),
        ("X = :v", {"v": Decimal("sNaN")}, "finite"),
        ("X = :v", {"v": date(1600, 1, 1)}, "outside"),
        ("X = :v", {"v": datetime(2026, 1, 1)}, "without a time zone"),  # noqa: DTZ001 - that is the point
        ("X = :v", {"v": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "outside"),
        ("X = :v", {"v": time(1, tzinfo=timezone(timedelta(hours=1)))}, "offset"),
        ("X LIKE :v", {"v": 5}, "must be a string"),
        ("X LIKE :v", {"v": None}, "must be a string"),
        ("X = 1 LIMIT :v", {"v": -1}, "whole number"),
        ("X = 1 LIMIT :v", {"v": True}, "whole number"),
        ("X = 1 OFFSET :v", {"v": "1"}, "whole number"),
    ],
)
def test_what_cannot_be_bound_is_refused_by_name(text: str, given_: dict[str, Any], words: str) -> None:
    """A refusal says which parameter, in metadata and as a violation, and never repeats its value."""
    with pytest.raises(InvalidParameter) as caught:
        bind(parse(f"{HEAD} {text}"), given_)

    name = "w" if "w" in given_ else "v"
    assert {"parameter": name} == caught.value.metadata
    assert [f"parameters.{name}"] == [violation.field for violation in caught.value.violations]
    assert words in caught.value.message
