"""The access token and the instance URL on each attempt, and one new token when Salesforce says it is dead."""

from dataclasses import replace

from service.context import CallContext
from service.salesforce import faults
from service.salesforce.auth.token_cache import Token, TokenCache
from service.salesforce.transport.base import Request, Response, Transport


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

        A refused token means that nothing was done, so writes may be repeated too.
        """
        token = await self._tokens.current(context)
        response = await self._inner.send(_with_token(request, token), context)
        if not faults.is_dead_session(response):
            return response
        token = await self._tokens.renew(token, context)
        response = await self._inner.send(_with_token(request, token), context)
        if faults.is_dead_session(response):
            self._tokens.reject(token, context)
        return response


def _with_token(request: Request, token: Token) -> Request:
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        **request.headers,
        "Authorization": f"Bearer {token.access_token}",
    }
    return replace(request, path=token.instance_url + request.path, headers=headers)
