"""Settings that cannot be used are refused with the name and the remedy."""

import pytest

from service import settings
from service.settings import SettingsError

ORG = """
orgs:
  prod:
    login_url: https://acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: a, client_secret_file: /s}
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


def test_without_anything_the_defaults_hold():
    """No file and no variable is a configuration: the embedded org."""
    loaded = settings.load({})

    assert loaded.orgs == {}
    assert loaded.grpc.port == 50051


def test_the_environment_overrides_the_file(configured):
    """A variable wins over the file and leaves its neighbours alone."""
    loaded = configured("grpc: {port: 1, drain_seconds: 7}", SLUICEGATE_GRPC__PORT="2")

    assert (loaded.grpc.port, loaded.grpc.drain_seconds) == (2, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grcp: {port: 1}", "grcp: no such setting; the nearest is grpc"),
        ("grpc: {prot: 1}", "grpc.prot: no such setting; the nearest is grpc.port"),
        (ORG + "    api_verison: '66.0'", "the nearest is orgs.prod.api_version"),
        (ORG.replace("client_id", "client_idd"), "the nearest is orgs.prod.auth.client_id"),
        ("grpc: {port: high}", "grpc.port: input should be a valid integer"),
        (ORG + "default_org: prd", "default_org 'prd' is not among orgs: prod"),
        (ORG.replace("https://", "http://"), "login_url must be https"),
        ("- a", "must be a mapping"),
        ("a: [", "is not YAML: line 1, column 5: expected the node content"),
        ("a: \x01", "is not YAML: it holds characters that YAML does not allow"),
        ("grpc: {port: 1}\ngrpc: {port: 2}", "is not YAML: line 2, column 1: grpc stands twice"),
        ("? [a, b]\n: 1", "is not YAML: line 1, column 3: found unhashable key"),
        ("grpc: 3", "grpc: must be a group of settings: host, port, "),
        ("links: {allowed_hosts: a.example}", "links.allowed_hosts: must be a list, for example [a, b] (Hosts that "),
        ("links: {allowed_hosts: [https://a.example]}", "links.allowed_hosts.0: must match ^[a-z0-9.-]+$ (Hosts that "),
        (
            "link_server: {apple_apps: {acme: {}}}",
            " (Apps in `apple-app-site-association` by team id, dot and bundle id)",
        ),
        ("links: {default_provider: App}", "links.default_provider: must match "),
        ("links: {keys: 3}", "links.keys: must be a group of settings"),
        ("links: {providers: {web: 3}}", "links.providers.web: must be a group of settings: kinds, account, "),
        ("orgs: {prod: {}}", "orgs.prod.auth: is required (How to log in)"),
        ("orgs: {Prod: {}}", "orgs.Prod: its name must match ^[a-z0-9]"),
        (
            ORG.replace("client_credentials", "password"),
            "orgs.prod.auth.flow: must be jwt_bearer or client_credentials",
        ),
        (
            ORG.replace("flow: client_credentials, ", ""),
            "orgs.prod.auth.flow: must be jwt_bearer or client_credentials",
        ),
        (
            ORG + "    api_version: 66.0",
            "orgs.prod.api_version: must be text; YAML takes a number for text only in quotes",
        ),
        (ORG.replace(".com", ".com/"), "(My Domain URL, or https://login.salesforce.com)"),
        ("1: a", "1: no such setting"),
        ("grpc: {1: a}", "grpc.1: "),
        ("_env_file: x", "_env_file: no such setting"),
        ("token_keys: {k1: short}", "token_keys.k1: must have at least 32 bytes"),
        ("links: {keys: {k1: short}}", "links.keys.k1: must have at least 32 bytes"),
        ("shared_store: {uri: 'redis://h'}", "shared_store.uri: no such setting; the nearest is shared_store.url"),
        ("shared_store: {prefix: 'a b'}", "shared_store.prefix: must match "),
        ("shared_store: 'redis://h'", "shared_store: must be a group of settings: url, prefix"),
        ("token_keys: {k.1: a secret of at least thirty-two bytes}", "token_keys.k.1"),
    ],
)
def test_a_wrong_file_is_refused(configured, text, said):
    """Each mistake is named with its remedy."""
    with pytest.raises(SettingsError) as raised:
        configured(text)

    assert said in str(raised.value)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    """The text says where the file stops being UTF-8."""
    path = tmp_path / "sluicegate.yaml"
    path.write_bytes("links: {host: 'ü'}".encode("latin-1"))

    with pytest.raises(SettingsError, match="is not UTF-8 at byte 15"):
        settings.load({settings.CONFIG_VARIABLE: str(path)})


def test_a_broken_file_is_not_quoted(configured):
    """What stands around the mistake may be a key."""
    with pytest.raises(SettingsError) as raised:
        configured('token_keys: {k1: "canary, a secret of at least thirty-two bytes}')

    assert "canary" not in str(raised.value)


def test_a_misspelt_variable_is_refused():
    """A variable that would set nothing stops the start."""
    with pytest.raises(SettingsError, match="SLUICEGATE_GRCP__PORT: no such setting; the nearest is SLUICEGATE_GRPC"):
        settings.load({"SLUICEGATE_GRCP__PORT": "1"})


@pytest.mark.parametrize("variable", ["SLUICEGATE_ORGS", "SLUICEGATE_LINKS__KEYS", "SLUICEGATE_TOKEN_KEYS"])
@pytest.mark.parametrize("value", ["{", "very-secret"])
def test_a_variable_that_must_be_json_is_named(monkeypatch, variable, value):
    """A variable that holds several settings says so when it is no JSON, and does not repeat its value."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as raised:
        settings.load({variable: value})

    assert variable.split("__")[0] in str(raised.value)
    assert "must be a JSON object" in str(raised.value)
    assert "very-secret" not in str(raised.value)


def test_a_missing_file_is_named():
    """The path and the reason are told."""
    with pytest.raises(SettingsError, match="cannot read /nowhere/x"):
        settings.load({"SLUICEGATE_CONFIG": "/nowhere/x"})


def test_secrets_are_masked(configured):
    """Neither the repr nor an error shows a key."""
    loaded = configured("links: {keys: {k1: very-secret-and-long-enough-to-sign}}")

    assert "very-secret" not in repr(loaded)
    assert "very-secret" not in str(loaded.model_dump(mode="json"))


def test_an_error_does_not_repeat_the_value(configured):
    """A secret in the wrong place is not echoed."""
    with pytest.raises(SettingsError) as raised:
        configured("links: {keys: very-secret}")

    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "rediss://cache:6380/0",
        "valkey://user:p%40ss@cache.internal:6379/15",
        "valkeys://:hunter2@[2001:db8::1]:6379/",
    ],
)
def test_a_shared_store_is_named_by_its_url(configured, url):
    """Every usual form is taken, from the file and from the variable."""
    loaded = [configured(f"shared_store: {{url: '{url}'}}"), configured("", SLUICEGATE_SHARED_STORE__URL=url)]

    assert [url] * 2 == [found.shared_store.url.get_secret_value() for found in loaded if found.shared_store.url]


def test_an_empty_url_is_no_shared_store(configured):
    """A variable that a secret did not fill is no mistake."""
    loaded = configured("", SLUICEGATE_SHARED_STORE__URL="")

    assert (None, "sluicegate:") == (loaded.shared_store.url, loaded.shared_store.prefix)


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "https://:hunter2@cache:6379",
        "redis:hunter2@cache",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@/0",
        "redis://:hunter2@:6379",
        "redis://:hunter2@cache:0",
        "redis://:hunter2@cache:65536",
        "redis://:hunter2@cache:port",
        "redis://:hunter2@cache/name",
        "redis://:hunter2@cache?db=1",
        "redis://:hunter2@cache#1",
        "redis://:hunter2@one,two",
        "redis://:hun#ter2@cache",
        "redis://:hunter2/@cache",
        "redis://:hunter2@ca che",
        "redis://:hunter2@cache ",
        "redis://:hunter2@[::1",
        "redis://:hunter2@[1:2]",
        "redis://:hunter2@[::1]x",
        "unix:///hunter2",
        "REDIS://:hunter2@cache",
    ],
)
def test_a_url_of_no_store_is_refused_and_not_shown(configured, url):
    """The setting and the form are named; the URL may hold a password."""
    with pytest.raises(SettingsError) as raised:
        configured(f"shared_store: {{url: '{url}'}}")

    assert str(raised.value).startswith("shared_store.url: must be redis://, rediss://, valkey:// or valkeys:// and [")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("value", ["[1]", "3", "{a: hunter2}"])
def test_a_url_that_is_no_text_is_refused(configured, value):
    """YAML may hold anything."""
    with pytest.raises(SettingsError, match=r"shared_store\.url: ") as raised:
        configured(f"shared_store: {{url: {value}}}")

    assert "hunter2" not in str(raised.value)


def test_nobody_dies_on_an_org_beyond_this_machine(configured):
    """Failpoints are for tests: with an org that is somewhere else the service does not start."""
    with pytest.raises(SettingsError, match="failpoints are for tests; orgs beyond this machine"):
        configured(ORG + "failpoints: {committed: 1}")

    local = configured(
        ORG.replace("https://acme.my.salesforce.com", "http://127.0.0.1:8090") + "failpoints: {committed: 1}"
    )
    assert {"committed": 1} == local.failpoints
