"""What the terms of a search match."""

import time

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.folding import fold
from service.emulator.search.terms import compiled

TEXT = fold("Acme Rockets\nJohn Müller-Smith\njohn.smith@acme.example\n")


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ("acme", True),
        ("ACME rockets", True),
        ("rocket", False),
        ("rocket*", True),
        ("ro?kets", True),
        ("r*k*s", True),
        ("müller", True),
        ("muller", False),
        ('"john smith"', True),
        ('"rockets john"', False),
        ("john.smith@acme.example", True),
        ("acme AND NOT rockets", False),
        ("acme AND NOT boats", True),
        ("boats OR rockets", True),
        ("boats OR (acme AND boats)", False),
        ("(boats OR acme) AND rockets", True),
        (r"m\u00fcller", False),
        (r"müller\-smith", True),
        ("boats rockets", False),
    ],
)
def test_terms_match_whole_words(terms: str, found: bool) -> None:
    """Words match without case and as a whole, phrases within one field, and operators join them."""
    assert compiled(terms)(TEXT) is found


@pytest.mark.parametrize("terms", ["a", "*", '"', "acme AND", "(acme", "acme)", "AND acme", "OR", "(" * 60 + "acme"])
def test_terms_that_mean_nothing_are_refused(terms: str) -> None:
    """A lone character, dangling operators and open parentheses are no search."""
    with pytest.raises(SalesforceFault) as caught:
        compiled(terms)

    assert caught.value.error_code == "MALFORMED_SEARCH"


def test_wildcards_cannot_stall_the_search() -> None:
    """Many wildcards take no longer than the text is long."""
    started = time.process_time()

    assert compiled("a*" * 200 + "b")(fold("a" * 5_000)) is False
    assert time.process_time() - started < 5
