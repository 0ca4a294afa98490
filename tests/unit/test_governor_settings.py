"""Settings of the governor that could never work are refused with the key at fault."""

import pytest

from service import settings
from service.settings import SettingsError

ORG = """
callers: {billing: {weight: 4}, nightly.sync: {}}
orgs:
  prod:
    login_url: https://acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: a, client_secret_file: /s}
    governor: %s
"""


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Return a function that loads a YAML text."""

    def load(text: str, **variables: str) -> settings.Settings:
        path = tmp_path / "sluicegate.yaml"
        path.write_text(text, encoding="utf-8")
        environment = {"SLUICEGATE_CONFIG": str(path), **variables}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return settings.load(environment)

    return load


def test_without_anything_the_reserves_hold(configured):
    """An org is governed without a word, with room left for what is more urgent."""
    governor = configured(ORG % "{}").orgs["prod"].governor

    assert (0.70, 0.85, 0.97) == (governor.stop_batch_at, governor.stop_standard_at, governor.stop_interactive_at)
    assert (25, None, 64) == (governor.long_running_limit, governor.long_running_headroom, governor.max_in_flight)
    assert (None, 5, False) == (governor.daily_calls, governor.longest_hold_seconds, governor.shadow)


def test_callers_have_a_weight_everywhere_and_a_share_of_an_org(configured):
    """A caller weighs the same in all orgs unless one says otherwise, and is bounded in each on its own."""
    loaded = configured(ORG % "{callers: {billing: {daily_calls: 5000}, nightly.sync: {weight: 0.5}}}")

    shares = loaded.orgs["prod"].governor.callers

    assert {"billing": 4, "nightly.sync": 1} == {name: caller.weight for name, caller in loaded.callers.items()}
    assert (None, 5000) == (shares["billing"].weight, shares["billing"].daily_calls)
    assert (0.5, None) == (shares["nightly.sync"].weight, shares["nightly.sync"].daily_calls)


def test_variables_set_shares(configured):
    """What stands in the file is overridden one setting at a time."""
    loaded = configured(
        ORG % "{stop_batch_at: 0.5, shadow: true}",
        SLUICEGATE_ORGS__PROD__GOVERNOR__STOP_BATCH_AT="0.6",
        SLUICEGATE_CALLERS__BILLING__WEIGHT="2",
    )

    assert (0.6, True) == (loaded.orgs["prod"].governor.stop_batch_at, loaded.orgs["prod"].governor.shadow)
    assert loaded.callers["billing"].weight == 2


def test_reserves_may_be_equal(configured):
    """Classes may stop together, at the whole allocation even."""
    governor = configured(ORG % "{stop_batch_at: 1, stop_standard_at: 1, stop_interactive_at: 1}").orgs["prod"].governor

    assert governor.stop_batch_at == governor.stop_interactive_at == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{stop_batch_at: 0.9}",
            "orgs.prod.governor: stop_batch_at (0.9) must not be above stop_standard_at (0.85)",
        ),
        ("{stop_interactive_at: 0.8}", "stop_standard_at (0.85) must not be above stop_interactive_at (0.8)"),
        ("{stop_interactive_at: 1.01}", "orgs.prod.governor.stop_interactive_at: input should be less than or equal"),
        ("{stop_batch_at: 0}", "orgs.prod.governor.stop_batch_at: input should be greater than 0"),
        ("{stop_batch_at: .nan}", "orgs.prod.governor.stop_batch_at: "),
        ("{daily_calls: 0}", "orgs.prod.governor.daily_calls: input should be greater than or equal to 1"),
        ("{max_in_flight: 0}", "orgs.prod.governor.max_in_flight: input should be greater than or equal to 1"),
        ("{longest_hold_seconds: -1}", "orgs.prod.governor.longest_hold_seconds: "),
        (
            "{long_running_limit: 5, long_running_headroom: 5}",
            "orgs.prod.governor: long_running_headroom (5) must be below long_running_limit (5)",
        ),
        (
            "{callers: {other: {}}}",
            "orgs.prod.governor.callers.other is not among callers: billing, nightly.sync; name",
        ),
        ("{daily_calls: 1%s}" % ("0" * 400), "orgs.prod.governor.daily_calls: "),
        ("{max_in_flight: 1000000000000}", "orgs.prod.governor.max_in_flight: input should be less than or equal"),
        ("{long_running_limit: 1000000000000}", "orgs.prod.governor.long_running_limit: input should be less than or"),
        ("{stop_bath_at: 0.5}", "orgs.prod.governor.stop_bath_at: no such setting; the nearest is orgs.prod.governor."),
        ("{callers: {biling: {}}}", "orgs.prod.governor.callers.biling is not among callers: billing, nightly.sync"),
        ("{callers: {billing: {weight: 0}}}", "orgs.prod.governor.callers.billing.weight: input should be greater"),
        ("{callers: {billing: {weight: -1}}}", "orgs.prod.governor.callers.billing.weight: input should be greater"),
        ("{callers: {billing: {weight: .inf}}}", "orgs.prod.governor.callers.billing.weight: input should be less"),
        ("{callers: {billing: {daily_calls: 0}}}", "orgs.prod.governor.callers.billing.daily_calls: input should be"),
        ("{callers: {billing: {daily_calls: 1000000000001}}}", "callers.billing.daily_calls: input should be less"),
        ("{callers: {billing: {weight: 1.0e-320}}}", "callers.billing.weight: input should be greater"),
        ("{callers: {billing: {weight: 1.0e+300}}}", "callers.billing.weight: input should be less"),
        ("{callers: {billing: {wieght: 1}}}", "the nearest is orgs.prod.governor.callers.billing.weight"),
        ("{callers: {a b: {}}}", "orgs.prod.governor.callers.a b: its name must match ^[A-Za-z0-9]"),
        ("3", "orgs.prod.governor: must be a group of settings: stop_batch_at, "),
    ],
)
def test_an_impossible_governor_is_refused(configured, text, said):
    """Each mistake is named with its key, wherever it stands."""
    with pytest.raises(SettingsError) as raised:
        configured(ORG % text)

    assert said in str(raised.value)


@pytest.mark.parametrize("weight", ["0", "-2", ".inf", ".nan"])
def test_an_impossible_weight_is_refused(configured, weight):
    """Nobody can have no share, less than none, or all of them."""
    with pytest.raises(SettingsError, match=r"callers\.billing\.weight: "):
        configured((ORG % "{}").replace("weight: 4", f"weight: {weight}"))


def test_a_cap_in_the_wrong_place_is_not_taken_for_a_weight(configured):
    """Nothing there is like it, so all that is there is told."""
    with pytest.raises(SettingsError) as refused:
        configured("callers: {billing: {daily_calls: 5000}}")

    assert "callers.billing.daily_calls: no such setting; this group takes weight" == str(refused.value)
