"""`sluicegate link`, as far as it comes without a service."""

import io
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from service.cli import application
from service.cli.link import requests
from service.cli.link.view import view

ANSWER: dict[str, Any] = {
    "record": {"object": "Lead", "id": "00Q010000000001EAA"},
    "targets": [
        {"kind": "DEEP_LINK_TARGET_KIND_STORE", "uri": "https://store.example.com/" + "x" * 80, "explanation": "Why."},
        {"kind": "DEEP_LINK_TARGET_KIND_WEB", "uri": "https://www.example.com/1", "explanation": "As well."},
    ],
    "fallbackUri": "https://www.example.com/1",
    "action": "view",
    "recordState": "LINKED_RECORD_STATE_FOUND",
    "provider": "web",
    "campaign": {"utm_source": "sms"},
    "leftOut": [{"kind": "DEEP_LINK_TARGET_KIND_APP_LINK", "explanation": "The app is not there."}],
    "readRecord": {"fields": {"LastName": {"stringValue": "Curie"}, "Email": {"nullValue": None}}},
    "deferredToken": "1.k1.abc",
    "deferredTokenExpireTime": "2026-03-01T12:00:00Z",
}


def printed(answer: dict[str, Any], *, with_reasons: bool, width: int = 80) -> str:
    """Print an answer as on a terminal without colours."""
    paper = io.StringIO()
    Console(file=paper, width=width, no_color=True, _environ={}).print(view(answer, with_reasons=with_reasons))
    return paper.getvalue()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "Lead", "Ext__c="], "the key 'Ext__c=' is neither a Salesforce id, 15 or 18"),
        (
            ["create", "Lead", "L-1"],
            "the key 'L-1' is neither a Salesforce id, 15 or 18 letters and digits, nor Field__c=",
        ),
        (["create", "Lead", "=1"], "the key '=1' is neither"),
        (["create", "Lead", "1", "--ttl", "5"], "--ttl '5' is not a number followed by s, m, h or d"),
        (["create", "Lead", "1", "--ttl", "five d"], "--ttl 'five d'"),
        (["create", "Lead", "1", "-c", "utm_source"], "--campaign 'utm_source' is not name=value"),
        (["create", "Lead", "1", "-c", "utm_id=1", "-c", "utm_id=2"], "--campaign utm_id is given twice"),
        (["create", "Lead", "Ext__c=1", "--target", "http://127.0.0.1:1"], "the target must be host:port"),
        (["resolve", "Lead"], "'Lead' is no link; a record is given by its sObject and its key"),
        (["explain", "Lead"], "'Lead' is no link"),
        (["resolve", "https://links.example.com/l?x", "Ext__c=1"], "a link needs no key"),
        (["resolve", "Lead", "1", "--platform", "symbian"], "'--platform'"),
        (["resolve", "Lead", "1", "--app", "maybe"], "'--app'"),
        (["resolve", "Lead", "1", "--lookup", "sometimes"], "'--lookup'"),
        (["explain", "Lead", "1", "-o", "yaml"], "'--output'"),
    ],
)
def test_what_cannot_be_asked(arguments, told):
    """It is refused with what is wrong, before anyone is called."""
    result = CliRunner().invoke(application(["link"]), ["link", *arguments])

    assert 2 == result.exit_code
    assert told in result.stderr


@pytest.mark.parametrize(
    ("key", "record"),
    [
        ("00Q010000000001EAA", {"object": "Lead", "id": "00Q010000000001EAA"}),
        ("Ext__c=L-1", {"object": "Lead", "externalId": {"field": "Ext__c", "value": "L-1"}}),
        ("Ext__c=a=b", {"object": "Lead", "externalId": {"field": "Ext__c", "value": "a=b"}}),
    ],
)
def test_records(key, record):
    """A key with an equals sign is an external id, whatever its value holds."""
    assert record == requests.record("Lead", key)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", {}),
        ("90s", {"ttl": "90s"}),
        ("5m", {"ttl": "300s"}),
        ("2h", {"ttl": "7200s"}),
        ("30d", {"ttl": "2592000s"}),
    ],
)
def test_times(text, request_):
    """A link's life is told in the unit that fits."""
    assert request_ == requests.ttl(text)


def test_devices():
    """What is not known is not said."""
    known = requests.device("ios", "missing", "4.2", "de-CH")

    told = {"platform": "PLATFORM_IOS", "app": "APP_PRESENCE_MISSING", "appVersion": "4.2", "locale": "de-CH"}
    assert {"device": told} == known
    assert {} == requests.device(None, None, "", "")


def test_an_answer_without_reasons():
    """The facts, then each target with its number; addresses are folded, never cut."""
    text = printed(ANSWER, with_reasons=False)

    assert "Lead 00Q010000000001EAA, it is there" in text
    assert "LastName" in text
    assert "Curie" in text
    assert "null" in text
    assert "1.k1.abc (until 2026-03-01T12:00:00Z)" in text
    assert "x" * 80 in "".join(text.split())
    assert "Why." not in text
    assert "app link" not in text


def test_an_answer_with_reasons():
    """Each target says why it is there, and what is missing says why it is."""
    lines = [line.strip() for line in printed(ANSWER, with_reasons=True, width=200).splitlines()]

    assert "Why." in lines
    assert "-  app link  The app is not there." in lines


@pytest.mark.parametrize("width", [40, 80, 200])
def test_an_answer_fits_the_terminal(width):
    """No line is longer than the terminal is wide."""
    text = printed(ANSWER, with_reasons=True, width=width)

    assert max(map(len, text.splitlines())) <= width


def test_an_answer_that_says_little():
    """What the service leaves out is not made up."""
    text = printed({"record": {"object": "Lead", "externalId": {"field": "Ext__c", "value": "L-1"}}}, with_reasons=True)

    assert "Lead Ext__c=L-1, not looked up" in text


def test_what_would_move_the_cursor_is_not_printed():
    """Texts of records come from strangers."""
    hostile = {**ANSWER, "campaign": {"utm_source": "\x1b[2J\r\n"}}

    assert "\x1b" not in printed(hostile, with_reasons=True)
