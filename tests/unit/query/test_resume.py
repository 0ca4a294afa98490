"""Resume tokens of queries: what is written is read back, for the same request alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from service import soql
from service.bulk.cutting.parts import PartLimits
from service.bulk.ledger import Ledger
from service.bulk.request import LoadRequest, Operation
from service.bulk.token import TokenSigner
from service.errors import InvalidToken
from service.query.options import Options
from service.query.resume import BulkPosition, RestPosition, ResumeSigner, ResumeToken
from service.settings.signed_text import MAX_TOKEN_LENGTH
from service.settings.signing_key import SigningKey

OLD_KEY, NEW_KEY = SigningKey("2025", b"o" * 32), SigningKey("2026", b"n" * 32)
SIGNER = ResumeSigner((NEW_KEY, OLD_KEY))
QUERY = soql.parse("SELECT Id FROM Lead WHERE LastName = 'Curie'")
OPTIONS = Options(batch_size=100)
NOW = 1_800_000_000.5


def opened(token: str = "", query: soql.Query = QUERY, options: Options = OPTIONS, org: str = "prod") -> ResumeToken:
    """Return where a request begins."""
    return SIGNER.open(query, replace(options, resume_token=token), NOW, org=org)


def written(**changes: object) -> str:
    """Return a token of the request."""
    return SIGNER.write(structs.replace(opened(), rows=100, total=250, **changes))


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=99)


@given(
    last=st.lists(VALUES, max_size=5).map(tuple),
    position=st.sampled_from([None, RestPosition("01g000000000001AAA-2000", 100), BulkPosition("750", "MTAw", 7)]),
    rows=st.integers(0, 2**40),
)
def test_a_token_comes_back(last, position, rows):
    """A token says what was written into it, to any replica with the key."""
    token = structs.replace(opened(), rows=rows, position=position, last=last)

    read = ResumeSigner((NEW_KEY,)).open(QUERY, replace(OPTIONS, resume_token=SIGNER.write(token)), 0, org="prod")

    assert token == read
    assert [type(value) for value in token.last] == [type(value) for value in read.last]


def test_a_request_without_a_token_begins_at_the_first_row():
    """Nothing was sent, and the first page has no locator."""
    token = opened()

    assert (0, RestPosition(), int(NOW)) == (token.rows, token.position, token.begun)


def test_an_old_key_still_verifies():
    """After a change of keys the tokens of the key before still work."""
    token = ResumeSigner((OLD_KEY,)).write(opened())

    assert opened() == opened(token)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (Options(), "batch_size"),
        (Options(batch_size=100, include_deleted=True), "include_deleted"),
        (Options(batch_size=100, max_rows=1), "max_rows"),
        (Options(batch_size=100, page_size=200), "page_size"),
        (Options(batch_size=100, route="REST"), "route"),
        (Options(batch_size=100, row_format="JSON_LINES"), "row_format"),
        (Options(page_size=200), "batch_size, page_size"),
    ],
)
def test_another_request_is_refused_by_what_differs(options, named):
    """Rows of one request are never gone on with by another one; the error names what to mend."""
    with pytest.raises(InvalidToken, match=f"with another {named};") as raised:
        opened(written(), options=options)

    assert "resume_token" == raised.value.violations[0].field


def test_another_query_is_refused():
    """A parameter with another value makes another query."""
    with pytest.raises(InvalidToken, match="another soql or parameters"):
        opened(written(), soql.parse("SELECT Id FROM Lead WHERE LastName = 'curie'"))


def test_another_org_is_refused():
    """A token is good for the org that it was made for."""
    with pytest.raises(InvalidToken, match="another org"):
        opened(written(), org="sandbox")


@pytest.mark.parametrize("text", ["1", "1.2026.e30", "x" * 5000, "1.ä.e30.AA", "\ud800"])
def test_what_is_no_token_is_refused(text):
    """Any text is refused by the same error, with the field of the request."""
    with pytest.raises(InvalidToken):
        opened(text)


def test_every_character_is_guarded():
    """Whichever character changes, the token is worth nothing."""
    text = written()

    for place, character in enumerate(text):
        with pytest.raises(InvalidToken):
            opened(text[:place] + ("A" if character != "A" else "B") + text[place + 1 :])


def test_a_token_of_a_load_is_none_of_a_query():
    """The same secret signs both, and neither is taken for the other."""
    begun = Ledger.new(LoadRequest("Lead", Operation.INSERT), org="prod", load_id="load", now=0, limits=PartLimits())
    load = TokenSigner((NEW_KEY,)).write(begun.token())

    with pytest.raises(InvalidToken):
        opened(load)
    with pytest.raises(InvalidToken):
        TokenSigner((NEW_KEY,)).read(written(), org="prod")


def test_a_token_fits_its_field_whatever_the_last_row_held():
    """Values that are too long are left out: the token goes on, only a restart is not to be had by it."""
    short = written(last=("ß" * 255, "e" * 80, "00Q000000000001AAA"), position=RestPosition("01g" + "A" * 20, 1999))
    long = written(last=("ß" * 2000, "00Q000000000001AAA"))

    assert max(len(short), len(long)) <= MAX_TOKEN_LENGTH
    assert 3 == len(opened(short).last)
    assert () == opened(long).last


def test_a_token_names_no_value_of_the_query():
    """Whoever sees a token learns nothing of the query's values or its rows."""
    token = opened()

    assert "Curie" not in str(token)
