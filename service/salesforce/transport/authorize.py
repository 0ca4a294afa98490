"""The access token and the instance URL on each attempt, and one new token when Salesforce says it is dead."""

from dataclasses import replace

from service.context import CallContext
from service.salesforce import faults
from service.salesforce.auth.token_cache import Token, TokenCache
from service.salesforce.transport.base import Request, Response, Session, Transport


class AuthorizedTransport:
    """Sends requests to the instance of the org, as the org's user.

    Args:
        inner: The stage below; it gets whole URLs.
        tokens: The org's tokens.

    """

    def __init__(self, inner: Transport, tokens: TokenCache) -> None:
        self._inner = inner
        self._tokens = tokens

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send with a token; if the session is dead, once more with a new one. See `Transport.send`.

        A refused token means that nothing was done, so writes may be repeated too. Salesforce refuses a good token as
        well where the request uses what another session opened: no new one helps there.
        """
        token = await self._tokens.current(context)
        response = await self._attempt(request, token, context)
        if not faults.is_dead_session(response) or _is_of_another(request.session, token):
            return response
        uses_session = request.session is not None and request.session.is_open
        token = await self._tokens.renew(token, context)
        response = await self._attempt(request, token, context)
        if faults.is_dead_session(response) and not uses_session:
            self._tokens.reject(token, context)
        return response

    async def _attempt(self, request: Request, token: Token, context: CallContext) -> Response:
        began = context.clock.monotonic()
        response = await self._inner.send(_with_token(request, token), context)
        if request.session is not None and not faults.is_dead_session(response):
            request.session.open(token, response, context.clock.monotonic() - began)
        return response


def _is_of_another(session: Session | None, token: Token) -> bool:
    """Tell whether the session that a request uses was opened by another token."""
    return session is not None and session.is_open and session.token is not token


def _with_token(request: Request, token: Token) -> Request:
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        **request.headers,
        "Authorization": f"Bearer {token.access_token}",
    }
    return replace(request, path=token.instance_url + request.path, headers=headers)
