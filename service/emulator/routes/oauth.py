"""The OAuth, identity and user-info resources. They need no session and cost no API call."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from service.emulator.exchange import Answer, Call
from service.emulator.oauth import OAuthFault, TokenEndpoint
from service.emulator.routing import Router
from service.emulator.tenants import Tenant, Tenants
from service.emulator.users import User

_REST_RESOURCES = {
    "rest": "",
    "sobjects": "sobjects/",
    "search": "search/",
    "query": "query/",
}


class OAuthRoutes:
    """The OAuth resources.

    Args:
        endpoint: Issues tokens.
        tenants: Finds the org of a token.
        base_url: Scheme, host and port the emulator is reached at.

    """

    def __init__(self, endpoint: TokenEndpoint, tenants: Tenants, base_url: str) -> None:
        self._endpoint = endpoint
        self._tenants = tenants
        self._base_url = base_url

    def add_to(self, router: Router[Call]) -> None:
        """Add the resources."""
        router.add("services/oauth2/token", post=self._token)
        router.add("services/oauth2/introspect", post=self._introspect)
        router.add("services/oauth2/revoke", post=self._revoke, get=self._revoke)
        router.add("services/oauth2/userinfo", get=self._user_info, post=self._user_info)
        router.add("id/{org}/{user}", get=self._identity)

    async def _token(self, call: Call) -> Answer:
        form = await _form(call)
        return _answered(lambda: self._endpoint.issue(form, call.headers.get("Authorization", "")))

    async def _introspect(self, call: Call) -> Answer:
        form = await _form(call)
        return _answered(lambda: self._endpoint.introspect(form, call.headers.get("Authorization", "")))

    async def _revoke(self, call: Call) -> Answer:
        form = await _form(call)
        try:
            self._endpoint.revoke(form.get("token", "") or call.query.get("token", ""))
        except OAuthFault as fault:
            return _refusal(fault)
        return Answer.nothing(200)

    async def _user_info(self, call: Call) -> Answer:
        found = self._user(call)
        return Answer(value=self._describe(*found)) if found else _bad_token()

    async def _identity(self, call: Call) -> Answer:
        found = self._user(call)
        if found is None:
            return _bad_token()
        tenant, user = found
        if call.parameters["org"][:15] != tenant.org.id[:15] or call.parameters["user"][:15] != user.id[:15]:
            return _bad_token()
        identity = self._endpoint.identity_url(tenant, user.id)
        described = self._describe(tenant, user)
        identity_only = {
            "id": identity,
            "asserted_user": True,
            "username": user.username,
            "nick_name": described["nickname"],
            "display_name": user.name,
            "status": {"created_date": None, "body": None},
            "is_app_installed": True,
        }
        return Answer(value=identity_only | described)

    def _user(self, call: Call) -> tuple[Tenant, User] | None:
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        token = token.strip() if scheme.lower() in {"bearer", "oauth"} else call.query.get("access_token", "")
        tenant = self._tenants.by_token(token)
        session = tenant.sessions.use(token) if tenant else None
        user = tenant.users.by_id(session.user_id) if tenant and session else None
        return (tenant, user) if tenant and user else None

    def _describe(self, tenant: Tenant, user: User) -> dict[str, object]:
        return {
            "sub": self._endpoint.identity_url(tenant, user.id),
            "user_id": user.id,
            "organization_id": tenant.org.id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": user.name,
            "email": user.email,
            "email_verified": True,
            "zoneinfo": user.time_zone,
            "locale": user.locale,
            "language": user.language,
            "active": user.active,
            "user_type": "STANDARD",
            "updated_at": user.updated_at,
            "urls": {
                name: f"{self._base_url}/services/data/v{{version}}/{path}" for name, path in _REST_RESOURCES.items()
            },
        }


async def _form(call: Call) -> dict[str, str]:
    content = await call.body.read()
    return dict(parse_qsl(content.decode("utf-8", errors="replace"), keep_blank_values=True))


def _answered(action: Callable[[], dict[str, object]]) -> Answer:
    try:
        return Answer(value=action(), headers={"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"})
    except OAuthFault as fault:
        return _refusal(fault)


def _refusal(fault: OAuthFault) -> Answer:
    return Answer(fault.status, {"error": fault.error, "error_description": fault.description})


def _bad_token() -> Answer:
    # Salesforce answers 401 or 403 here; which one is unverified.
    return Answer.text("Bad_OAuth_Token", "text/plain;charset=UTF-8", status=403)
