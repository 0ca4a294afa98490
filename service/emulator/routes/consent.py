"""Authorization in a browser: the web server flow's consent page, and the page devices send their users to.

Both log in and approve in one step, where Salesforce has a page for each.
"""

import secrets
from collections.abc import Mapping

from service.clock import Clock
from service.emulator.exchange import Answer, Call
from service.emulator.oauth.clients import client_of
from service.emulator.oauth.codes import Approval
from service.emulator.oauth.consent_form import ConsentForms
from service.emulator.oauth.endpoint import TokenEndpoint
from service.emulator.oauth.faults import OAuthFault
from service.emulator.oauth.scopes import granted
from service.emulator.routes import pages
from service.emulator.routes.forms import form_of, redirected, refused_as_text
from service.emulator.routing import Router
from service.emulator.tenants import Tenant, Tenants

_APPROVE = "/setup/secur/RemoteAccessAuthorizationPage.apexp"
_CONNECT = "/setup/connect"
_COOKIE = "oauth_page"
_DENIED = OAuthFault("access_denied", "end-user denied authorization")
_WRONG_PASSWORD = "Please check your username and password."  # noqa: S105 - a text, not a password


class ConsentRoutes:
    """The resources that browsers visit.

    A form only counts when it comes from the browser its page was shown to, within ten minutes: it is sealed with a
    secret that the browser keeps in a cookie, which no other site can read or set.

    Args:
        endpoint: Keeps approvals.
        tenants: Whose users may approve.
        base_url: Scheme, host and port the emulator is reached at.
        clock: Ends pages.

    """

    def __init__(self, endpoint: TokenEndpoint, tenants: Tenants, base_url: str, clock: Clock) -> None:
        self._endpoint = endpoint
        self._tenants = tenants
        self._secure = "; Secure" if base_url.startswith("https:") else ""
        self._forms = ConsentForms(clock)

    def add_to(self, router: Router[Call]) -> None:
        """Add the resources."""
        router.add("services/oauth2/authorize", get=self._authorize, post=_must_get)
        router.add(_APPROVE[1:], post=self._decide)
        router.add(_CONNECT[1:], get=self._connect, post=self._connected)

    async def _authorize(self, call: Call) -> Answer:
        query = call.query
        try:
            tenant = client_of(self._tenants, {"client_id": query.get("client_id", "")}, secret_required=False)
            redirect_uri = _callback(tenant, query)
        except OAuthFault as fault:
            # A browser is never sent to a place that nobody registered.
            return refused_as_text(fault)
        try:
            request = _asked(tenant, query)
        except OAuthFault as fault:
            return redirected(redirect_uri, {**fault.body(), "state": query.get("state", "")})
        return self._ask(request, secrets.token_urlsafe(32), username=query.get("login_hint", ""))

    async def _decide(self, call: Call) -> Answer:
        form = await form_of(call)
        request, browser = self._opened(call, form)
        tenant = self._tenants.by_client_id(request.get("client_id", "")) if request else None
        if request is None or tenant is None or "redirect_uri" not in request:
            return _stale()
        if form.get("decision") != "allow":
            return redirected(request["redirect_uri"], {**_DENIED.body(), "state": request["state"]})
        user = tenant.users.authenticate(form.get("username", ""), form.get("password", ""))
        if user is None:
            return self._ask(request, browser, username=form.get("username", ""), wrong=_WRONG_PASSWORD)
        approval = Approval(
            org_id=tenant.org.id,
            user_id=user.id,
            client_id=tenant.app.client_id,
            scope=request["scope"],
            redirect_uri=request["redirect_uri"],
            challenge=request["challenge"],
            nonce=request["nonce"],
        )
        code = self._endpoint.codes.issue(approval)
        return redirected(request["redirect_uri"], {"code": code, "state": request["state"]})

    async def _connect(self, call: Call) -> Answer:
        return self._ask_device(secrets.token_urlsafe(32), user_code=call.query.get("user_code", ""))

    async def _connected(self, call: Call) -> Answer:
        form = await form_of(call)
        request, browser = self._opened(call, form)
        if request is None or request.get("for") != "device":
            return _stale()
        user_code = form.get("user_code", "")
        device = self._endpoint.devices.of_user_code(user_code)
        tenant = self._tenants.by_org_id(device.org_id) if device else None
        if device is None or tenant is None:
            return self._ask_device(browser, wrong="This code is invalid or has expired.")
        if form.get("decision") != "allow":
            device.denied = True
            return pages.page("Denied", "<p>The device was not connected. You may close this page.</p>")
        user = tenant.users.authenticate(form.get("username", ""), form.get("password", ""))
        if user is None:
            return self._ask_device(browser, user_code=user_code, wrong=_WRONG_PASSWORD)
        device.user_id = user.id
        return pages.page("Connected", "<p>The device is connected. You may close this page.</p>")

    def _opened(self, call: Call, form: Mapping[str, str]) -> tuple[dict[str, str] | None, str]:
        browser = _cookie(call.headers.get("Cookie", ""))
        return self._forms.open(form.get("request", ""), browser), browser

    def _ask(self, request: Mapping[str, str], browser: str, *, username: str, wrong: str = "") -> Answer:
        fields = pages.login(username)
        form = pages.form(_APPROVE, self._forms.seal(request, browser), fields, wrong=wrong)
        asks = "<p>An application asks for access to your data:</p>" + pages.scopes(request["scope"])
        return pages.page("Allow Access?", asks + form, cookie=self._cookie_for(browser, "/setup/secur"))

    def _ask_device(self, browser: str, *, user_code: str = "", wrong: str = "") -> Answer:
        fields = pages.field("user_code", "Code", value=user_code) + pages.login()
        form = pages.form(_CONNECT, self._forms.seal({"for": "device"}, browser), fields, wrong=wrong)
        return pages.page("Connect Your Device", form, cookie=self._cookie_for(browser, _CONNECT))

    def _cookie_for(self, browser: str, path: str) -> str:
        return f"{_COOKIE}={browser}; Path={path}; Max-Age=600; HttpOnly; SameSite=Strict{self._secure}"


def _callback(tenant: Tenant, query: Mapping[str, str]) -> str:
    uri = query.get("redirect_uri", "")
    if not uri:
        raise OAuthFault("redirect_uri_missing", "redirect_uri not provided")
    if uri not in tenant.app.redirect_uris:
        raise OAuthFault("redirect_uri_mismatch", "redirect_uri must match configuration")
    return uri


def _asked(tenant: Tenant, query: Mapping[str, str]) -> dict[str, str]:
    """Return what an authorization request asks for.

    Raises:
        OAuthFault: It cannot be had. Source: Salesforce help, "OAuth 2.0 Web Server Flow".

    """
    if query.get("response_type") != "code":
        raise OAuthFault("unsupported_response_type", "response type not supported")
    challenge = query.get("code_challenge", "")
    if not challenge and tenant.app.require_pkce:
        raise OAuthFault("invalid_request", "missing required code challenge")
    if challenge and query.get("code_challenge_method", "S256") != "S256":
        raise OAuthFault("invalid_request", "unsupported code challenge method")
    if query.get("immediate") == "true" or "none" in query.get("prompt", "").split():
        # No browser stays logged in to the emulator.
        raise OAuthFault("immediate_unsuccessful", "immediate unsuccessful")
    return {
        "client_id": tenant.app.client_id,
        "redirect_uri": query["redirect_uri"],
        "scope": granted(query.get("scope", "")),
        "state": query.get("state", ""),
        "challenge": challenge,
        "nonce": query.get("nonce", ""),
    }


async def _must_get(_call: Call) -> Answer:
    return refused_as_text(OAuthFault("invalid_request", "must use HTTP GET"))


def _stale() -> Answer:
    text = "<p>This page has expired, or was opened in another browser. Go back to the application and try again.</p>"
    return pages.page("Try Again", text, status=400)


def _cookie(header: str) -> str:
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == _COOKIE), "")
