"""Authorization codes: once, in time, for whom they were issued."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.oauth.codes import LIFE_SECONDS, Approval, AuthorizationCodes, challenge_of
from service.emulator.oauth.faults import OAuthFault

URI = "https://app.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def approval(challenge: str = "") -> Approval:
    return Approval("00D", "005", "app", "api", URI, challenge)


def refusal(codes: AuthorizationCodes, code: str, **given_) -> tuple[str, str]:
    arguments = {"client_id": "app", "redirect_uri": URI, "verifier": ""} | given_
    with pytest.raises(OAuthFault) as caught:
        codes.redeem(code, **arguments)
    return caught.value.error, caught.value.description


def test_the_challenge_of_the_standard():
    """The example of RFC 7636, appendix B."""
    assert challenge_of(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("verifier", ["", VERIFIER])
def test_a_code_serves_once(clock, verifier):
    """A code gives its approval once, whether or not a verifier protects it."""
    codes = AuthorizationCodes(clock)
    kept = approval(challenge_of(verifier))
    code = codes.issue(kept)

    assert codes.redeem(code, client_id="app", redirect_uri=URI, verifier=verifier) == kept
    assert refusal(codes, code, verifier=verifier) == ("invalid_grant", "expired authorization code")


@pytest.mark.parametrize(("challenged", "verifier"), [("", VERIFIER), (VERIFIER, ""), (VERIFIER, VERIFIER[:-1])])
def test_a_verifier_that_does_not_fit(clock, challenged, verifier):
    """A missing, wrong or unasked verifier is refused, and the code is gone with it."""
    codes = AuthorizationCodes(clock)
    code = codes.issue(approval(challenge_of(challenged)))

    assert refusal(codes, code, verifier=verifier) == ("invalid_grant", "invalid code verifier")
    assert refusal(codes, code, verifier=challenged)[1] == "expired authorization code"


def test_an_old_code(clock):
    """A code ends after a quarter of an hour, and says so for a while."""
    codes = AuthorizationCodes(clock)
    code = codes.issue(approval())
    clock.passed += LIFE_SECONDS + 1

    assert refusal(codes, code) == ("invalid_grant", "expired authorization code")


def test_codes_are_forgotten(clock):
    """Codes nobody redeems do not pile up."""
    codes = AuthorizationCodes(clock)
    for _ in range(50):
        codes.issue(approval())
        clock.passed += 3600

    assert len(codes._kept) <= 2


def test_a_code_of_somebody_else(clock):
    """A code that never was, or another app's, is invalid; one for another callback is a mismatch."""
    codes = AuthorizationCodes(clock)

    assert refusal(codes, "aPrx") == ("invalid_grant", "invalid authorization code")
    assert refusal(codes, codes.issue(approval()), client_id="x") == ("invalid_grant", "invalid authorization code")
    expected = ("redirect_uri_mismatch", "redirect_uri must match configuration")
    assert refusal(codes, codes.issue(approval()), redirect_uri=URI + "/") == expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_only_its_verifier_fits_a_challenge(first, second):
    """No two verifiers share a challenge, whatever they are made of."""
    assert (challenge_of(first) == challenge_of(second)) == (first == second)
