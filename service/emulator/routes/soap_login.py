"""The SOAP login that old clients start with. Source: SOAP API Developer Guide, "login()"."""

import re
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from service.emulator.exchange import Answer, Call
from service.emulator.faults import SalesforceFault
from service.emulator.releases import LATEST
from service.emulator.routing import Router
from service.emulator.tenants import Tenant, Tenants
from service.emulator.users import User

_CONTENT_TYPE = "text/xml;charset=UTF-8"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_DIALECTS = {"u": "partner", "c": "enterprise"}
_VERSION = re.compile(r"([1-9]\d)\.0", re.ASCII)
_OLDEST = 31
"""Older versions are retired."""
_MAXIMUM_BYTES = 1_000_000
"""Far more than a login needs; keeps a hostile body from being parsed at length."""


class SoapFault(Exception):
    """A call that is refused.

    Args:
        code: Salesforce's code; empty when the fault is the caller's envelope.
        message: The text; those about envelopes are unverified.

    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SoapLogin:
    """The login call of the partner and enterprise APIs; no other SOAP call is served.

    Args:
        tenants: Whose users may log in; user names are unique over all orgs, as they are in Salesforce.

    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def add_to(self, router: Router[Call]) -> None:
        """Add the endpoint, and the longer path that its answer names."""
        router.add("services/Soap/{dialect}/{version}", post=self._login)
        router.add("services/Soap/{dialect}/{version}/{org}", post=self._login)

    async def _login(self, call: Call) -> Answer:
        name = _DIALECTS.get(call.parameters["dialect"])
        if name is None:
            raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
        try:
            _check_head(call)
            username, password = _credentials(await call.body.read(), f"urn:{name}.soap.sforce.com")
            tenant, user = self._authenticate(username, password)
        except SoapFault as fault:
            return _fault(fault, name)
        return _welcome(tenant, user, call.parameters["version"], call.parameters["dialect"])

    def _authenticate(self, username: str, password: str) -> tuple[Tenant, User]:
        for tenant in self._tenants:
            user = tenant.users.authenticate(username, password)
            if user is not None:
                return tenant, user
        raise SoapFault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")


def _check_head(call: Call) -> None:
    match = _VERSION.fullmatch(call.parameters["version"])
    if match is None or not _OLDEST <= int(match[1]) <= float(LATEST):
        raise SoapFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    if "SOAPAction" not in call.headers:
        raise SoapFault("", "SOAPAction HTTP header missing")


def _credentials(body: bytes, namespace: str) -> tuple[str, str]:
    if len(body) > _MAXIMUM_BYTES:
        raise SoapFault("", "The message is too large for a login")
    try:
        text = body.decode("utf-8")
        # Without a document type there are no entities, and without entities XML is harmless to parse.
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise SoapFault("", "A document type is not allowed in a message")
        content = ET.fromstring(text).find(f"{{{_ENVELOPE}}}Body")  # noqa: S314 - see above
    except (UnicodeDecodeError, ET.ParseError, ValueError):
        raise SoapFault("", "The message is no well-formed XML") from None
    operation = content[0].tag if content is not None and len(content) else ""
    if content is None or operation != f"{{{namespace}}}login":
        raise SoapFault("", f"No operation available for request {operation}, please check the WSDL for the service.")
    login = content[0]
    return login.findtext(f"{{{namespace}}}username", ""), login.findtext(f"{{{namespace}}}password", "")


def _welcome(tenant: Tenant, user: User, version: str, dialect: str) -> Answer:
    session = tenant.sessions.open(user.id)
    org15 = tenant.org.id[:15]
    soap = f"{tenant.instance_url}/services/Soap"
    result = {
        "metadataServerUrl": f"{soap}/m/{version}/{org15}",
        "passwordExpired": "false",
        "sandbox": "false",
        "serverUrl": f"{soap}/{dialect}/{version}/{org15}",
        "sessionId": session.token,
        "userId": user.id,
    }
    content = _elements(result) + f"<userInfo>{_elements(_user_info(tenant, user))}</userInfo>"
    namespace = f"urn:{_DIALECTS[dialect]}.soap.sforce.com"
    return _envelope(f"<loginResponse><result>{content}</result></loginResponse>", f'xmlns="{namespace}"', status=200)


def _user_info(tenant: Tenant, user: User) -> dict[str, str | None]:
    return {
        "accessibilityMode": "false",
        "chatterExternal": "false",
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": "26214400",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": "false",
        "orgHasPersonAccounts": "false",
        "organizationId": tenant.org.id,
        "organizationMultiCurrency": "false",
        "organizationName": tenant.org.name,
        "profileId": user.profile_id,
        "roleId": None,
        "sessionSecondsValid": f"{tenant.sessions.idle_seconds:.0f}",
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.email,
        "userFullName": user.name,
        "userId": user.id,
        "userLanguage": user.language,
        "userLocale": user.locale,
        "userName": user.username,
        "userTimeZone": user.time_zone,
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }


def _elements(values: dict[str, str] | dict[str, str | None]) -> str:
    return "".join(
        f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"
        for name, value in values.items()
    )


def _fault(fault: SoapFault, dialect: str) -> Answer:
    namespace = f'xmlns:sf="urn:fault.{dialect}.soap.sforce.com"'
    message = escape(fault.message)
    if not fault.code:
        content = f"<faultcode>soapenv:Client</faultcode><faultstring>{message}</faultstring>"
    else:
        # A login has a fault type of its own.
        kind = "sf:LoginFault" if fault.code == "INVALID_LOGIN" else "sf:UnexpectedErrorFault"
        content = (
            f"<faultcode>sf:{fault.code}</faultcode><faultstring>{fault.code}: {message}</faultstring>"
            f'<detail><{kind} xsi:type="{kind}"><sf:exceptionCode>{fault.code}</sf:exceptionCode>'
            f"<sf:exceptionMessage>{message}</sf:exceptionMessage></{kind}></detail>"
        )
    return _envelope(f"<soapenv:Fault>{content}</soapenv:Fault>", namespace, status=500)


def _envelope(content: str, namespace: str, *, status: int) -> Answer:
    return Answer.text(
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" {namespace}'
        f' xmlns:xsi="{_INSTANCE}"><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>',
        _CONTENT_TYPE,
        status=status,
    )
