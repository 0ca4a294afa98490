"""References from one subrequest to another's answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.bindings import Bindings, InvalidReference, references_in
from service.emulator.faults import SalesforceFault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def bindings() -> Bindings:
    """Answers of a query and of a create."""
    bindings = Bindings()
    bindings.bind("new", {"id": "001A", "success": True, "errors": []})
    bindings.bind(
        "found", {"totalSize": 2, "records": [{"Id": "a"}, {"Id": "b", "Parent": {"Name": "P"}, "Fax": None}]}
    )
    bindings.bind("rows", [{"id": "x"}])
    return bindings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@{new.id}", "001A"),
        ("@{found.records[1].Parent.Name}", "P"),
        ("@{found.totalSize}", 2),
        ("@{new.success}", True),
        ("@{found.records[1].Fax}", None),
        ("@{rows[0].id}", "x"),
        ("<@{new.id}|@{found.totalSize}|@{new.success}|@{found.records[1].Fax}>", "<001A|2|true|null>"),
        ("plain @ {text} @{", "plain @ {text} @{"),
    ],
)
def test_values(bindings, text, expected):
    """A string that is only a reference becomes the value with its type, any other its text."""
    assert expected == bindings.json(text)


def test_nested(bindings):
    """References are replaced wherever they stand in a body, but not in names."""
    body = {"@{new.id}": [{"deep": ["@{new.id}"]}], "n": 1}

    assert {"@{new.id}": [{"deep": ["001A"]}], "n": 1} == bindings.json(body)


@pytest.mark.parametrize(
    "reference",
    [
        "New.id",
        "new.Id",
        "new",
        "new.",
        "",
        "new.errors",
        "found.records",
        "found.records[2].Id",
        "new.id.more",
        "new[0]",
    ],
)
def test_no_value(bindings, reference):
    """A reference without a value of its own names itself in the refusal; case counts."""
    with pytest.raises(InvalidReference) as caught:
        bindings.text(f"@{{{reference}}}")

    assert f"No value for {reference} found in" in str(caught.value)


@given(JSON)
def test_without_references(value):
    """JSON without references is left as it is."""
    if "@{" not in str(value):
        assert value == Bindings().json(value)


def test_origins():
    """The ids a body refers to are found wherever they stand."""
    assert ["a", "b", "a"] == list(references_in({"x": ["@{a.id} @{b.c[0]}"], "y": "@{a.id}", "z": "@{?}"}))


def test_too_deep():
    """A body nested without end is refused as bad JSON."""
    body: object = "x"
    for _ in range(500):
        body = [body]

    for read in (Bindings().json, lambda value: list(references_in(value))):
        with pytest.raises(SalesforceFault, match="JSON_PARSER_ERROR"):
            read(body)
