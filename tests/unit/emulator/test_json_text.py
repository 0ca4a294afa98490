"""JSON in Salesforce's two layouts, and its complaints about bad JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.faults import SalesforceFault
from service.emulator.json_text import parse_object, render

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_both_layouts_say_the_same(value, pretty):
    """What is written reads back equal in either layout."""
    assert value == json.loads(render(value, pretty=pretty))


def test_the_pretty_layout():
    """The layout is the one recorded answers have: spaces around colons, items on the bracket's line."""
    value = {"done": True, "records": [{"Id": "1", "errors": []}, {"Id": "2", "more": {}}]}

    expected = (
        '{\n  "done" : true,\n  "records" : [ {\n    "Id" : "1",\n    "errors" : [ ]\n  }, '
        '{\n    "Id" : "2",\n    "more" : { }\n  } ]\n}'
    )

    assert expected == render(value, pretty=True).decode()


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"[1]", b'"text"', b"null", b'{"a": }', b"\xff\xfe", b"{'a': 1}"])
def test_bad_bodies(body):
    """Anything but a JSON object is 400 JSON_PARSER_ERROR."""
    with pytest.raises(SalesforceFault) as caught:
        parse_object(body)

    assert (caught.value.http_status, caught.value.error_code) == (400, "JSON_PARSER_ERROR")


def test_a_complaint_names_the_place():
    """A syntax error says where it is."""
    with pytest.raises(SalesforceFault) as caught:
        parse_object(b'{\n "Name": x}')

    assert "[line:2, column:" in caught.value.message
