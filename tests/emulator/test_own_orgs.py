"""Orgs made, filled and kept by files, over HTTP and by a client that is not ours."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from service.emulator.credentials import Credentials
from service.emulator.server import Emulator, EmulatorConfig, OrgSource
from service.emulator.sources import read_sources

PROJECT = Path(__file__).parent / "sfdx"
VERSION = "66.0"


def config(keys: Path, source: OrgSource, *more: OrgSource) -> EmulatorConfig:
    return EmulatorConfig(directory=keys, source=source, more_orgs=more)


async def test_simple_salesforce_on_a_custom_object(keys):
    """A client unchanged creates, upserts, queries and is refused on an object of an SFDX project."""
    secured = EmulatorConfig(directory=keys, tls=True, source=OrgSource(schema=(PROJECT,)))
    async with Emulator(secured) as emulator:
        await asyncio.to_thread(use_custom_object, emulator.credentials)


def use_custom_object(credentials: Credentials) -> None:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(credentials.certificate_file)
    client: Any = Salesforce(
        instance_url=credentials.instance_url, session_id=credentials.access_token, version=VERSION, session=session
    )
    account = client.Account.create({"Name": "Acme", "Tier__c": "Gold"})["id"]
    created = client.Invoice__c.upsert("External_Key__c/K-1", {"Account__c": account, "Total__c": 10.5})
    repeated = client.Invoice__c.upsert("External_Key__c/K-1", {"Total__c": 11})
    found = client.query("SELECT Name, Total__c, Account__r.Tier__c FROM Invoice__c WHERE External_Key__c = 'K-1'")
    described = client.Invoice__c.describe()
    with pytest.raises(SalesforceMalformedRequest) as negative:
        client.Invoice__c.create({"Account__c": account, "Total__c": -1})
    with pytest.raises(SalesforceMalformedRequest) as wrong:
        client.Invoice__c.create({"Account__c": account, "Status__c": "Lost"})
    session.close()

    assert [201, 200] == [created, repeated]
    (row,) = found["records"]
    assert (11.0, "Gold") == (row["Total__c"], row["Account__r"]["Tier__c"])
    assert row["Name"].endswith("-0007")
    assert [True, "a01"] == [described["custom"], described["keyPrefix"]]
    assert ["FIELD_CUSTOM_VALIDATION_EXCEPTION", ["Total__c"]] == [
        content(negative)["errorCode"],
        content(negative)["fields"],
    ]
    assert content(wrong)["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def content(caught: Any) -> Any:
    (entry,) = caught.value.content
    return entry


async def test_an_org_outlives_the_emulator(keys, tmp_path):
    """What `save` wrote is loaded with its objects, rows, rules and record types."""
    file = tmp_path / "org.db"
    async with Emulator(config(keys, OrgSource(schema=(PROJECT,), save=file))) as emulator:
        org = emulator.org
        account = org.create("Account", {"Name": "Ärger"}, user_id=org.admin_id)
        org.create("Invoice__c", {"Account__c": account}, user_id=org.admin_id)

    async with Emulator(config(keys, OrgSource(load=file))) as emulator:
        headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False, timeout=60) as client:
            base = f"/services/data/v{VERSION}"
            found = await client.get(f"{base}/query", params={"q": "SELECT Account__r.Name FROM Invoice__c"})
            refused = await client.post(f"{base}/sobjects/Invoice__c", json={"Account__c": account, "Total__c": -1})
            described = await client.get(f"{base}/sobjects/Invoice__c/describe")

    assert found.json()["records"][0]["Account__r"]["Name"] == "Ärger"
    assert refused.json()[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert {"Credit_Note", "Master"} == {each["developerName"] for each in described.json()["recordTypeInfos"]}


async def test_several_orgs_of_a_file(keys, tmp_path):
    """Each org of a YAML file has its own objects and rows."""
    (tmp_path / "Account.csv").write_text("Name\nAcme\n", encoding="utf-8")
    file = tmp_path / "orgs.yaml"
    file.write_text(f"sales:\n  schema: {PROJECT}\n  seed: [Account.csv]\nempty:\n", encoding="utf-8")
    sales, empty = read_sources(file)

    async with Emulator(config(keys, sales, empty)) as emulator:
        one, two = (emulator.org_of(each) for each in emulator.all_credentials)
        names = [each.name for each in emulator.all_credentials]
        objects = [org.schema.sobject("Invoice__c") is not None for org in (one, two)]
        accounts = [org.count("Account") for org in (one, two)]
        made = emulator.new_org(OrgSource("third", seed=(tmp_path / "Account.csv",)))
        in_third = emulator.org_of(made).count("Account")

    assert ["sales", "empty"] == names
    assert [True, False] == objects
    assert [1, 0] == accounts
    assert in_third == 1


async def test_a_failed_start_saves_nothing(keys, tmp_path):
    """An emulator that cannot start leaves the file of an org as it was."""
    file, seed = tmp_path / "org.db", tmp_path / "Account.csv"
    file.write_bytes(b"precious")
    seed.write_text("No_Such__c\nx\n", encoding="utf-8")

    with pytest.raises(ValueError, match="No_Such__c"):
        async with Emulator(config(keys, OrgSource("a", save=file), OrgSource("b", seed=(seed,)))):
            pass

    assert file.read_bytes() == b"precious"


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00garbage"])
async def test_files_that_hold_no_org(keys, tmp_path, content):
    """A file that is no saved org is refused by name."""
    file = tmp_path / "org.db"
    file.write_bytes(content)

    with pytest.raises(ValueError, match="holds no org that was saved"):
        async with Emulator(config(keys, OrgSource(load=file))):
            pass


async def test_one_saved_org_twice(keys, tmp_path):
    """Two orgs cannot be of one file: their records would have the same ids."""
    file = tmp_path / "org.db"
    async with Emulator(config(keys, OrgSource(save=file))):
        pass

    with pytest.raises(ValueError, match="two orgs cannot be of one saved file"):
        async with Emulator(config(keys, OrgSource(load=file), OrgSource(load=file))):
            pass


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("- a", "has to hold the names of orgs"),
        ("a: 1", "a: has to hold schema"),
        ("a: {shema: x}", "a: shema is not known"),
        ("a: {schema: [1]}", "a: schema has to be a path or a list"),
        ("a: {load: [x]}", "a: load has to be a path"),
        ("a: [", "is no YAML"),
    ],
)
def test_org_files_that_are_no_good(tmp_path, content, text):
    """What is wrong in a file of orgs is told with its place."""
    file = tmp_path / "orgs.yaml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ValueError, match=r"orgs\.yaml") as caught:
        read_sources(file)

    assert text in str(caught.value)
