"""`sluicegate link` against a running service."""

import json
from asyncio.subprocess import PIPE

from sluicegate import Client

from tests.support.forked import forked


async def link(app, *arguments: str) -> tuple[int | None, str, str]:
    """Run the command to its end."""
    async with forked("link", *arguments, "--target", app.addresses.grpc, stderr=PIPE) as process:
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_a_link_is_made_and_explained(app, unique):
    """What one command makes the next one takes; the whole of each address stands on its line."""
    async with Client(app.addresses.grpc) as client:
        saved = await client.upsert_record("Lead", "Ext__c", unique("L"), {"LastName": "Curie", "Company": "Radium"})

    made = await link(app, "create", "Lead", f"Ext__c={unique('L')}", "--ttl", "1h", "-c", "utm_source=sms")
    url = made[1].strip()
    resolved = await link(app, "resolve", url, "--platform", "ios", "-f", "LastName")
    explained = await link(app, "explain", url, "--platform", "ios", "--app", "missing")

    assert [(0, "")] * 3 == [(code, errors) for code, _, errors in (made, resolved, explained)]
    assert url.startswith("https://links.example.com/l?")
    assert "1  app link" in resolved[1]
    assert "Curie" in resolved[1]
    assert f"https://links.example.com/w/Lead/{saved.record_id}" in resolved[1].split()
    assert "1  store" in explained[1]
    assert "-  app link    The company's app is not on the device." in explained[1].splitlines()


async def test_the_whole_answer_for_a_program(app):
    """It is what the contract says."""
    made = await link(app, "create", "Lead", "00Q010000000001EAA", "-o", "json")
    [result] = json.loads(made[1])

    code, output, errors = await link(app, "resolve", result["link"]["url"], "-o", "json")

    assert (0, "") == (code, errors)
    assert {"object": "Lead", "id": "00Q010000000001EAA"} == json.loads(output)["record"]


async def test_several_links(app):
    """One that cannot be made is told beside the others, and fails the command."""
    code, output, errors = await link(app, "create", "Lead", "00Q010000000001EAA", "00Q010000000001EAB", "Ext__c=L-1")

    assert 1 == code
    assert 2 == len(output.splitlines())
    assert errors.startswith("sluicegate: 00Q010000000001EAB: ")


async def test_a_failure_is_explained(app):
    """The reason is there, and the exit tells a program."""
    code, output, errors = await link(app, "resolve", "https://links.example.com/l?x")

    assert (1, "") == (code, output)
    assert "INVALID_LINK" == json.loads(errors)["reason"]


async def test_bytes_that_are_no_text(app):
    """They are refused with what is wrong, not with a traceback."""
    code, output, errors = await link(app, "create", "Lead", "Ext__c=\udcff")

    assert (2, "") == (code, output)
    assert errors.startswith("sluicegate: ")
    assert "Traceback" not in errors
