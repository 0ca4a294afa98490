"""SOSL text taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.faults import SalesforceFault
from service.emulator.search.statement import read
from service.soql import to_soql


def test_a_search_has_terms_fields_targets_and_a_limit() -> None:
    """Each part of a search is found, whatever stands in its strings."""
    search = read(
        r"find {john\} OR \"xy\"} in name fields returning Account(Id, Name WHERE Name = 'a) WHERE LIMIT (' "
        "ORDER BY Name LIMIT 3), Contact with metadata = 'LABELS' limit 20"
    )

    assert (search.terms, search.group, search.limit) == (r"john\} OR \"xy\"", "NAME", 20)
    assert [to_soql(each.query) for each in search.targets] == [
        "SELECT Id, Name FROM Account WHERE Name = 'a) WHERE LIMIT (' ORDER BY Name LIMIT 3",
        "SELECT Id FROM Contact",
    ]


@pytest.mark.parametrize(
    ("sosl", "words"),
    [
        ("FIND acme", "No search term found. The search term must be enclosed in braces."),
        ("FIND {}", "No search term found."),
        ("FIND {acme", "No search term found."),
        ("FIND {a}", "search term must be longer than one character: a"),
        ("FIND {acme} IN SOME FIELDS", "unexpected token: 'IN'"),
        ("FIND {acme} RETURNING", "unexpected token: '<EOF>'"),
        ("FIND {acme} RETURNING Account(Id", "unexpected token: '<EOF>'"),
        ("FIND {acme} RETURNING Account(Id) nonsense", "unexpected token: 'nonsense'"),
        ("FIND {acme} RETURNING Account(WHERE Name = 'x')", "unexpected token"),
    ],
)
def test_what_is_no_search_is_refused(sosl: str, words: str) -> None:
    """A refusal is MALFORMED_SEARCH and says why."""
    with pytest.raises(SalesforceFault) as caught:
        read(sosl)

    assert caught.value.error_code == "MALFORMED_SEARCH"
    assert words in caught.value.message


def test_the_caret_stands_in_the_text_that_was_sent() -> None:
    """A refusal of a part shows its place in the whole search."""
    with pytest.raises(SalesforceFault) as caught:
        read("FIND {acme}\nRETURNING Account(Id WHERE Name ! 'x')")

    assert caught.value.message.split("\n")[1:4] == [
        "RETURNING Account(Id WHERE Name ! 'x')",
        " " * 32 + "^",
        "ERROR at Row:2:Column:33",
    ]


@given(st.text(alphabet="FINDfind {}()acme,'\\\"WHERE RETURNING Account*?", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text meets anything but a refusal."""
    for sosl in (text, f"FIND {{acme}} RETURNING {text}", f"FIND {{{text}}}"):
        assert _outcome(sosl) in {"read", "MALFORMED_SEARCH"}


def _outcome(sosl: str) -> str:
    try:
        read(sosl)
    except SalesforceFault as fault:
        return fault.error_code
    return "read"
