"""Sealed requests of consent pages."""

from hypothesis import example, given
from hypothesis import strategies as st

from service.emulator.oauth.consent_form import LIFE_SECONDS, ConsentForms
from tests.support.emulation import ManualClock


@given(st.dictionaries(st.text(), st.text()), st.text(min_size=1))
def test_only_its_browser_opens_a_seal(request_, browser):
    """What was sealed comes back to the browser it was sealed for, and to no other."""
    forms = ConsentForms(ManualClock())

    sealed = forms.seal(request_, browser)

    assert forms.open(sealed, browser) == request_
    assert forms.open(sealed, browser + "x") is None
    assert forms.open(sealed, "") is None
    assert ConsentForms(ManualClock()).open(sealed, browser) is None


@given(st.integers(0, 10_000), st.characters())
@example(0, "\ud800")
@example(-1, "\udfff")
def test_a_changed_seal(position, character):
    """No character of a seal can be changed, and no other text is one."""
    forms = ConsentForms(ManualClock())
    sealed = forms.seal({"scope": "api"}, "b")
    position %= len(sealed)
    changed = sealed[:position] + character + sealed[position + 1 :]

    assert changed == sealed or forms.open(changed, "b") is None
    assert forms.open(character * position, "b") is None


def test_a_seal_ends(clock):
    """A page that was left open for ten minutes no longer counts."""
    forms = ConsentForms(clock)
    sealed = forms.seal({}, "b")
    clock.passed += LIFE_SECONDS

    assert forms.open(sealed, "b") is None
