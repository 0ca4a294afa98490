"""The SOAP login of old clients, over HTTP."""

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest

PARTNER = "{urn:partner.soap.sforce.com}"
ACTION = {"SOAPAction": "login", "Content-Type": "text/xml"}


@pytest.fixture
def credentials(emulator):
    """The first org's."""
    return emulator.credentials


def envelope(username: str, password: str, *, operation: str = "login", dialect: str = "partner") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8" ?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<env:Body><n1:{operation} xmlns:n1="urn:{dialect}.soap.sforce.com">'
        f"<n1:username>{escape(username)}</n1:username>"
        f"<n1:password>{escape(password)}</n1:password></n1:{operation}></env:Body></env:Envelope>"
    ).encode()


@pytest.mark.parametrize(("letter", "dialect"), [("u", "partner"), ("c", "enterprise")])
async def test_a_login(anonymous, credentials, letter, dialect):
    """User name, password and security token give a session id that works as a token."""
    body = envelope(credentials.username, credentials.password + credentials.security_token, dialect=dialect)

    response = await anonymous.post(f"/services/Soap/{letter}/66.0", content=body, headers=ACTION)

    result = ET.fromstring(response.content)
    told = {element.tag.partition("}")[2]: element.text for element in result.iter()}
    server = f"{credentials.instance_url}/services/Soap/{letter}/66.0/{credentials.org_id[:15]}"
    assert (told["organizationId"], told["sessionSecondsValid"], told["serverUrl"]) == (
        credentials.org_id,
        "7200",
        server,
    )
    bearer = {"Authorization": f"Bearer {told['sessionId']}"}
    assert (await anonymous.get("/services/data/v66.0/limits", headers=bearer)).status_code == 200
    assert response.headers["Content-Type"] == "text/xml;charset=UTF-8"


async def test_text_is_escaped_both_ways(anonymous, emulator, credentials):
    """A password of markup logs in, and names of markup come back as text."""
    org = emulator.org
    org.update("User", org.admin_id, {"LastName": "<b>&amp;</b>"}, user_id=org.admin_id)
    tenant = emulator._tenants.by_org_id(credentials.org_id)
    tenant.users.set_password(credentials.username, "<&>'\"]]>")

    body = envelope(credentials.username, "<&>'\"]]>")
    response = await anonymous.post("/services/Soap/u/66.0", content=body, headers=ACTION)

    assert "<b>&amp;</b>" in ET.fromstring(response.content).findtext(f".//{PARTNER}userFullName", "")


async def test_a_refused_login(anonymous, credentials):
    """A wrong password is a fault with Salesforce's code and text."""
    body = envelope(credentials.username, "wrong")

    response = await anonymous.post("/services/Soap/u/66.0", content=body, headers=ACTION)

    assert response.status_code == 500
    fault = ET.fromstring(response.content)
    text = "Invalid username, password, security token; or user locked out."
    assert fault.findtext(".//faultcode") == "sf:INVALID_LOGIN"
    assert fault.findtext(".//faultstring") == f"INVALID_LOGIN: {text}"
    assert fault.findtext(".//{urn:fault.partner.soap.sforce.com}exceptionCode") == "INVALID_LOGIN"
    assert fault.findtext(".//{urn:fault.partner.soap.sforce.com}exceptionMessage") == text


@pytest.mark.parametrize("version", ["30.0", "67.0", "66", "x", "66.0%3C"])
async def test_versions_there_are_not(anonymous, version):
    """A version that is too old, too new or none is a fault."""
    response = await anonymous.post(f"/services/Soap/u/{version}", content=envelope("a", "b"), headers=ACTION)

    assert response.status_code == 500
    assert "UNSUPPORTED_API_VERSION: Invalid Api version specified on URL" in response.text


async def test_without_a_soap_action(anonymous):
    """The header is not optional."""
    response = await anonymous.post("/services/Soap/u/66.0", content=envelope("a", "b"))

    assert (response.status_code, "SOAPAction HTTP header missing" in response.text) == (500, True)


async def test_other_calls(anonymous):
    """A call that is not served is named; the metadata API is not there at all."""
    body = envelope("a", "b", operation="query")

    response = await anonymous.post("/services/Soap/u/66.0", content=body, headers=ACTION)

    expected = "No operation available for request {urn:partner.soap.sforce.com}query, please check the WSDL"
    assert expected in response.text
    assert (await anonymous.post("/services/Soap/m/66.0", content=body, headers=ACTION)).status_code == 404


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x><login xmlns="urn:partner.soap.sforce.com"><username>&b;</username><password>x</password></login></x>"""
ENTITY = b'<!DOCTYPE x [<!ENTITY a "admin">]>' + envelope("a", "b").partition(b"?>")[2].replace(b">a<", b">&a;<")
HOSTILE = [b"", b"<", b"<x/>", b"\xff\xfe<\x00x\x00", BOMB, ENTITY, b"<a>" * 300_000, b"x" * 2_000_000, b"\x00"]


@pytest.mark.parametrize("body", HOSTILE)
async def test_soap_that_is_no_login(anonymous, body):
    """Anything but a login, entity bombs among it, is a fault, and is not expanded."""
    response = await anonymous.post("/services/Soap/u/66.0", content=body, headers=ACTION)

    assert response.status_code == 500
    assert ET.fromstring(response.content).findtext(".//faultcode") == "soapenv:Client"
