"""What becomes of the settings of reserves, bounds and shares."""

from dataclasses import fields
from pathlib import Path

import pytest

from service.batching.policy import Policy
from service.governor.limits import CallerLimits, Limits
from service.orgs.limits import limits_of, policy_of, with_callers
from service.settings import CallerSettings, CallerShareSettings, ClientCredentialsAuth, GovernorSettings, OrgSettings

AUTH = ClientCredentialsAuth(flow="client_credentials", client_id="c", client_secret_file=Path("secret"))


def org(governor: GovernorSettings, max_connections: int = 64) -> OrgSettings:
    """Return an org's settings."""
    return OrgSettings(
        login_url="https://acme.my.salesforce.com", auth=AUTH, governor=governor, max_connections=max_connections
    )


def test_what_is_not_set_is_as_the_governor_has_it():
    """The defaults of the settings are those of the governor."""
    assert Limits() == limits_of(org(GovernorSettings()))


def test_every_setting_reaches_the_governor():
    """None is read and forgotten."""
    governor = GovernorSettings(
        stop_batch_at=0.1,
        stop_standard_at=0.2,
        stop_interactive_at=0.3,
        daily_calls=4,
        long_running_limit=6,
        long_running_headroom=1,
        max_in_flight=7,
        longest_hold_seconds=8,
        max_replicas=9,
        shadow=True,
    )

    limits = limits_of(org(governor))

    told = {name: getattr(limits, name) for name in GovernorSettings.model_fields if name != "callers"}
    assert governor.model_dump(exclude={"callers"}) == told
    assert set(GovernorSettings.model_fields) <= {each.name for each in fields(Limits)}


@pytest.mark.parametrize(("limit", "headroom"), [(25, 5), (5, 1), (4, 0), (1, 0)])
def test_a_smaller_org_needs_no_more_than_its_limit_set(limit, headroom):
    """A Developer Edition's 5 long-running requests are set by one setting, and all classes still run."""
    limits = limits_of(org(GovernorSettings(long_running_limit=limit)))

    assert headroom == limits.long_running_headroom


def test_no_more_is_open_than_there_are_connections():
    """Waiting for a connection would be taken for slowness of the org."""
    assert 5 == limits_of(org(GovernorSettings(), max_connections=5)).max_in_flight


def test_a_caller_weighs_what_it_does_in_general_unless_the_org_says_otherwise():
    """Callers that the org does not name are known by their general weight."""
    callers = {name: CallerSettings(weight=weight) for name, weight in {"a": 2, "b": 3, "c": 4}.items()}
    shares = {"a": CallerShareSettings(weight=9), "b": CallerShareSettings(daily_calls=100)}

    limits = limits_of(with_callers(org(GovernorSettings(callers=shares)), callers))

    assert {"a": CallerLimits(9), "b": CallerLimits(3, 100), "c": CallerLimits(4)} == limits.callers


@pytest.mark.parametrize(
    ("weights", "turn", "turns"),
    [
        ({}, 1, {}),
        ({"web": 3, "job": 1}, 1, {"web": 3, "job": 1}),
        ({"web": 2, "job": 0.5}, 2, {"web": 4, "job": 1}),
        ({"web": 1000, "job": 0.001}, 200, {"web": 200, "job": 1}),
    ],
)
def test_callers_take_turns_in_lanes_by_their_weights(weights, turn, turns):
    """Whoever weighs least sends one record in its turn, and nobody more than a call carries."""
    callers = {name: CallerSettings(weight=weight) for name, weight in weights.items()}

    policy = policy_of(with_callers(org(GovernorSettings()), callers))

    assert (turn, turns) == (policy.turn, policy.turns)


def test_lanes_have_the_settings_of_writes():
    """Their defaults are those of the lanes."""
    assert Policy() == policy_of(org(GovernorSettings()))
