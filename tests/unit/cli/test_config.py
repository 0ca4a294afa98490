"""`sluicegate config`."""

import json
import subprocess
import sys

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from service.cli import application
from service.settings import CONFIG_VARIABLE, PREFIX

SECRET = "a secret of at least thirty-two bytes"


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Return a function that runs a subcommand with a YAML text and variables."""
    runner = CliRunner()

    def run(*arguments: str, text: str = "", **variables: str) -> tuple[int, str, str]:
        path = tmp_path / "sluicegate.yaml"
        path.write_text(text, encoding="utf-8")
        environment = {CONFIG_VARIABLE: str(path), **{PREFIX + name: value for name, value in variables.items()}}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = runner.invoke(application(), ["config", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.stdout, result.stderr

    return run


def org(auth: str, more: str = "") -> str:
    """Return settings of one org, with keys so that nothing is left to warn about."""
    keys = f"{{k1: {SECRET}}}"
    return (
        f"token_keys: {keys}\nlinks: {{keys: {keys}}}\n"
        f"orgs:\n  prod:\n    login_url: https://acme.my.salesforce.com\n    auth: {auth}\n{more}"
    )


def test_nothing_is_wrong_with_nothing(invoke):
    """An empty file is a configuration."""
    assert (0, "the settings are valid\n", "") == invoke("check")


def test_files_that_can_be_read_pass(invoke, tmp_path):
    """A key file that holds an RSA key is enough; no one is called."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    auth = f"{{flow: jwt_bearer, client_id: a, username: u, private_key_file: {tmp_path}/k.pem}}"

    assert (0, "the settings are valid\n", "") == invoke("check", text=org(auth))


@pytest.mark.parametrize(
    ("auth", "more", "said"),
    [
        (
            "{flow: jwt_bearer, client_id: a, username: u, private_key_file: /nowhere/k}",
            "",
            "orgs.prod.auth: private_key_file /nowhere/k cannot be read",
        ),
        (
            "{flow: jwt_bearer, client_id: a, username: u, private_key_file: /dev/null}",
            "",
            "orgs.prod.auth: private_key_file /dev/null holds no RSA key",
        ),
        (
            "{flow: client_credentials, client_id: a, client_secret_file: /nowhere/s}",
            "",
            "orgs.prod.auth: client_secret_file /nowhere/s cannot be read",
        ),
        (
            "{flow: client_credentials, client_id: a, client_secret_file: /dev/null}",
            "    ca_file: /nowhere/ca",
            "orgs.prod.ca_file: /nowhere/ca cannot be used: No such file",
        ),
        (
            "{flow: client_credentials, client_id: a, client_secret_file: /dev/null}",
            "    ca_file: /dev/null",
            "orgs.prod.ca_file: /dev/null cannot be used",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(invoke, auth, more, said):
    """What would fail at the first call is found before the start."""
    code, _, stderr = invoke("check", text=org(auth, more))

    assert 2 == code
    assert said in stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grcp: {}", "grcp: no such setting; the nearest is grpc"),
        (
            "links: {providers: {web: {web: 'http://a/{id}'}}}",
            "links.providers.web.web must begin with https://",
        ),
        (
            "links: {providers: {web: {kinds: [web], account: {web_host: https://a.example}}}}",
            "links.providers.web.account.web_host takes a host in small letters, without https://, port or path",
        ),
        (
            "links: {providers: {web: {app_scheme: 'acme://{key}', salesforce: false}}}",
            "links.providers.web.web is missing: without an app nothing opens",
        ),
        ("links: {providers: {web: {web: 'https://a.example/', on_ios: b}}}", "links.providers.web.on_ios: 'b' is not"),
        ("links: {firebase: {hosts: [acme.page.link]}}", "links.firebase.patterns is missing: links.firebase.hosts"),
        (
            "links: {firebase: {patterns: {c: {url: 'https://a.example/{id}', object: Case}}}}",
            "links.firebase.hosts is missing",
        ),
        ("links: {keys_dir: /nowhere}", "sluicegate: links.keys_dir /nowhere cannot be read"),
        ("links: {host: 'http://links.example.com'}", "links.host: "),
        ("shared_store: {url: 'redis://:hunter2@'}", "shared_store.url: must be redis://, rediss://, "),
        ("links: {default_ttl_seconds: 999999999999}", "default_ttl_seconds"),
        ("grcp: {}\nadmni: {}", "sluicegate: admni: no such setting"),
        ("link_server: {apple_apps: {com.acme.app: {}}}", "link_server.apple_apps.com.acme.app: its name must match"),
        (
            "link_server: {android_apps: {com.acme.app: {fingerprints: []}}}",
            "link_server.android_apps.com.acme.app.fingerprints: must hold at least one (SHA-256 of",
        ),
        (
            f"link_server: {{app_clips: [{', '.join(['ABCDE12345.com.acme.app'] * 6000)}]}}",
            "link_server: what apple_apps and app_clips say makes a file of 1",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(invoke, text, said):
    """The same refusals that would keep the service from starting, on one line each."""
    code, stdout, stderr = invoke("check", text=text)

    assert (2, "") == (code, stdout)
    assert said in stderr
    assert all(line.startswith("sluicegate: ") for line in stderr.splitlines())


def test_keys_that_would_be_made_at_start_are_warned_of(tmp_path):
    """With an org and without keys, tokens and links die with the process; that is worth a line each."""
    auth = "{flow: client_credentials, client_id: a, client_secret_file: /dev/null}"
    path = tmp_path / "sluicegate.yaml"
    path.write_text(f"orgs: {{prod: {{login_url: 'https://acme.my.salesforce.com', auth: {auth}}}}}")
    command = [sys.executable, "-m", "service", "config", "check"]

    checked = subprocess.run(command, env={CONFIG_VARIABLE: str(path)}, capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in checked.stderr.splitlines()]
    assert ["links.keys", "token_keys"] == sorted(line["setting"] for line in lines)


def test_show_prints_what_is_in_force(invoke):
    """File and variables together, as YAML that could be the file."""
    code, stdout, _ = invoke("show", text="grpc: {port: 1, drain_seconds: 7}", GRPC__PORT="2")

    shown = yaml.safe_load(stdout)
    assert 0 == code
    assert (2, 7) == (shown["grpc"]["port"], shown["grpc"]["drain_seconds"])


def test_show_masks_secrets(invoke):
    """Keys are told by id only, and of the shared store's URL nothing."""
    text = f"token_keys: {{k1: {SECRET}}}\nshared_store: {{url: 'valkey://:{SECRET.replace(' ', '-')}@cache'}}"

    code, stdout, stderr = invoke("show", text=text, LINKS__KEYS=f'{{"k2": "{SECRET}"}}')

    shown = yaml.safe_load(stdout)
    assert 0 == code
    assert SECRET not in stdout + stderr
    assert SECRET.replace(" ", "-") not in stdout + stderr
    assert "*" * 10 == shown["shared_store"]["url"]
    assert (["k1"], ["k2"]) == (list(shown["token_keys"]), list(shown["links"]["keys"]))
