"""The SOAP login that old clients start with. Source: SOAP API Developer Guide, "login()"."""

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from service.emulator.exchange import Answer, Call
from service.emulator.routing import Router
from service.emulator.tenants import Tenant, Tenants
from service.emulator.users import User

_CONTENT_TYPE = "text/xml;charset=UTF-8"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_PARTNER = "urn:partner.soap.sforce.com"
_FAULTS = "urn:fault.partner.soap.sforce.com"


class SoapLogin:
    """The login call of the partner API; no other SOAP call is served.

    Args:
        tenants: Whose users may log in; user names are unique over all orgs, as they are in Salesforce.
        base_url: Scheme, host and port the emulator is reached at.

    """

    def __init__(self, tenants: Tenants, base_url: str) -> None:
        self._tenants = tenants
        self._base_url = base_url

    def add_to(self, router: Router[Call]) -> None:
        """Add the endpoint."""
        router.add("services/Soap/u/{version}", post=self._login)

    async def _login(self, call: Call) -> Answer:
        credentials = _credentials(await call.body.read())
        if credentials is None:
            return _fault("INVALID_OPERATION", "Only a login request is understood")
        for tenant in self._tenants:
            user = tenant.users.authenticate(*credentials)
            if user is not None:
                return self._welcome(tenant, user, call.parameters["version"])
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")

    def _welcome(self, tenant: Tenant, user: User, version: str) -> Answer:
        session = tenant.sessions.open(user.id)
        org15 = tenant.org.id[:15]
        return _envelope(
            f'<loginResponse xmlns="{_PARTNER}"><result>'
            f"<metadataServerUrl>{self._base_url}/services/Soap/m/{escape(version)}/{org15}</metadataServerUrl>"
            "<passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
            f"<serverUrl>{self._base_url}/services/Soap/u/{escape(version)}/{org15}</serverUrl>"
            f"<sessionId>{session.token}</sessionId><userId>{user.id}</userId>"
            f"<userInfo><organizationId>{tenant.org.id}</organizationId>"
            f"<sessionSecondsValid>{tenant.sessions.idle_seconds:.0f}</sessionSecondsValid>"
            f"<userEmail>{escape(user.email)}</userEmail><userFullName>{escape(user.name)}</userFullName>"
            f"<userId>{user.id}</userId><userLanguage>{escape(user.language)}</userLanguage>"
            f"<userLocale>{escape(user.locale)}</userLocale><userName>{escape(user.username)}</userName>"
            f"<userTimeZone>{escape(user.time_zone)}</userTimeZone></userInfo>"
            "</result></loginResponse>",
            status=200,
        )


def _credentials(body: bytes) -> tuple[str, str] | None:
    try:
        text = body.decode("utf-8")
        # Without a document type there are no entities, and without entities XML is harmless to parse.
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return None
        login = ET.fromstring(text).find(f".//{{{_PARTNER}}}login")  # noqa: S314 - see above
    except (UnicodeDecodeError, ET.ParseError, ValueError):
        return None
    if login is None:
        return None
    username = login.findtext(f"{{{_PARTNER}}}username", "")
    return username, login.findtext(f"{{{_PARTNER}}}password", "")


def _fault(code: str, message: str) -> Answer:
    return _envelope(
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        '<detail><sf:LoginFault xsi:type="sf:LoginFault" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{escape(message)}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault>",
        status=500,
    )


def _envelope(content: str, *, status: int) -> Answer:
    return Answer.text(
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" xmlns:sf="{_FAULTS}">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>",
        _CONTENT_TYPE,
        status=status,
    )
