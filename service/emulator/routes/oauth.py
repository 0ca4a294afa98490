"""The OAuth, identity and user-info resources. They need no session and cost no API call."""

from service.emulator.exchange import Answer, Call
from service.emulator.oauth.endpoint import TokenEndpoint
from service.emulator.oauth.faults import OAuthFault
from service.emulator.oauth.identity import identity, user_info
from service.emulator.oauth.openid import discovery
from service.emulator.releases import LATEST
from service.emulator.routes.forms import answered, form_of, refused
from service.emulator.routing import Router
from service.emulator.tenants import Tenant, Tenants
from service.emulator.users import User


class OAuthRoutes:
    """The OAuth resources that applications call.

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
        router.add("services/oauth2/token", post=self._token, get=_must_post)
        router.add("services/oauth2/introspect", post=self._introspect, get=_must_post)
        router.add("services/oauth2/revoke", post=self._revoke, get=self._revoke)
        router.add("services/oauth2/userinfo", get=self._user_info, post=self._user_info)
        router.add("id/keys", get=self._keys)
        router.add("id/{org}/{user}", get=self._identity, post=self._identity)
        router.add(".well-known/openid-configuration", get=self._discovery)

    async def _token(self, call: Call) -> Answer:
        form = await form_of(call)
        wanted = form.get("format", "json")
        try:
            async with self._endpoint.turn(form):
                return answered(self._endpoint.issue(form, call.headers.get("Authorization", "")), wanted)
        except OAuthFault as fault:
            return refused(fault, wanted)

    async def _introspect(self, call: Call) -> Answer:
        form = await form_of(call)
        try:
            return answered(self._endpoint.introspect(form, call.headers.get("Authorization", "")), "json")
        except OAuthFault as fault:
            return refused(fault)

    async def _revoke(self, call: Call) -> Answer:
        form = await form_of(call)
        try:
            self._endpoint.revoke(form.get("token", ""))
        except OAuthFault as fault:
            return refused(fault)
        return Answer.nothing(200)

    async def _user_info(self, call: Call) -> Answer:
        token = await _token_of(call)
        tenant, user = self._caller(token)
        if tenant is None or user is None:
            return _refused_identity(token)
        url = self._endpoint.identity_url(tenant, user.id)
        return Answer(value=user_info(tenant, user, identity_url=url))

    async def _identity(self, call: Call) -> Answer:
        token = await _token_of(call)
        tenant, _ = self._caller(token)
        if tenant is None:
            return _refused_identity(token)
        if call.parameters["org"][:15] != tenant.org.id[:15]:
            return _plain("Wrong_Org", 403)
        user = tenant.users.by_id(call.parameters["user"])
        if user is None:
            return _plain("Bad_Id", 404)
        asked = call.query.get("version", "")
        version = LATEST if asked == "latest" else asked
        url = self._endpoint.identity_url(tenant, user.id)
        return Answer(value=identity(tenant, user, identity_url=url, version=version))

    async def _keys(self, _call: Call) -> Answer:
        await self._endpoint.id_tokens.prepare()
        return Answer(value=self._endpoint.id_tokens.key_set())

    async def _discovery(self, _call: Call) -> Answer:
        return Answer(value=discovery(self._base_url))

    def _caller(self, token: str) -> tuple[Tenant | None, User | None]:
        tenant = self._tenants.by_token(token)
        session = tenant.sessions.use(token) if tenant else None
        user = tenant.users.by_id(session.user_id) if tenant and session else None
        return (tenant, user) if user else (None, None)


async def _token_of(call: Call) -> str:
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() in {"bearer", "oauth"}:
        return token.strip()
    form = await form_of(call) if call.method == "POST" else dict(call.query)
    return form.get("oauth_token", "") or form.get("access_token", "")


async def _must_post(_call: Call) -> Answer:
    return refused(OAuthFault("invalid_request", "must use HTTP POST"))


def _refused_identity(token: str) -> Answer:
    # Whether Salesforce answers 401 or 403 here is unverified.
    return _plain("Bad_OAuth_Token" if token else "Missing_OAuth_Token", 403)


def _plain(text: str, status: int) -> Answer:
    return Answer.text(text, "text/plain;charset=UTF-8", status=status)
