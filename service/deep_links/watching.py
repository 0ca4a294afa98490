"""What whoever operates the service sees of short links: figures of each provider, and spans.

Nothing of it repeats the API's key, the signed link, the record or what the API says in words.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from msgspec import structs
from opentelemetry.trace import Span, StatusCode

from service.context import CallContext
from service.errors import ShortLinkUnavailable, SluicegateError, UpstreamProtocolError
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut
from service.telemetry import names
from service.telemetry.tracing import Attributes, Tracing

MADE = "made"
LEFT = "left"
"""Nobody waited for the end any more."""

_HTTPS_PORT = 443
_ERROR_STATUS = 400


@dataclass(slots=True)
class Totals:
    """What was asked of a provider since the process began, and what is."""

    links: Counter[str] = field(default_factory=Counter)
    """Short links that callers asked for, by how that ended: `made`, `left` by the caller, the `cause` of a
    `ShortLinkUnavailable`, or the reason of another error."""
    requests: Counter[str] = field(default_factory=Counter)
    """Requests to the API by what became of them: `2xx` to `5xx`, `timeout`, `connection`, `answer`, or `left`."""
    seconds: float = 0.0
    """How long those were open, all together."""
    in_flight: int = 0
    """Requests that are open."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a provider's short links stand."""

    provider: str
    """The provider's configured name."""
    totals: Totals
    waiting: int
    """Short links that wait for a request to end."""
    outage_seconds: float
    """How long the API has been left alone because it answers nothing but outages; 0 if it is not."""


@dataclass(slots=True)
class RequestEnd:
    """How a request ended: left by its caller, unless something else is said."""

    how: str = LEFT
    span: Span | None = None

    def answered(self, response: Response) -> None:
        """Note an answer, by its status alone: what else it holds may be of any size and repeat what was asked."""
        self.how = f"{response.status // 100}xx"
        if self.span is not None:
            self.span.set_attribute(names.HTTP_STATUS, response.status)
            if response.status >= _ERROR_STATUS:
                self.span.set_attribute(names.ERROR_TYPE, str(response.status))
                self.span.set_status(StatusCode.ERROR)


class ShortLinkWatch:
    """What is seen of one provider's short links.

    Args:
        provider: The provider's configured name.
        api: The origin of its API.
        tracing: Makes the spans; None makes none.

    """

    def __init__(self, provider: str, api: str, tracing: Tracing | None) -> None:
        address = urlsplit(api)
        self.totals = Totals()
        self._provider = provider
        self._server: Attributes = {
            names.SERVER_ADDRESS: address.hostname or "",
            names.SERVER_PORT: address.port or _HTTPS_PORT,
            names.LINK_PROVIDER: provider,
        }
        self._tracing = tracing

    @contextmanager
    def link(self, org: str, context: CallContext) -> Iterator[CallContext]:
        """Span and count the way to one short link, however it ends; yield the call as its requests are to see it.

        Args:
            org: The configured name of the org whose link it is.
            context: The call.

        """
        with self._spanned(org, context) as watched:
            how = LEFT
            try:
                yield watched
                how = MADE
            except ShortLinkUnavailable as error:
                how = error.metadata["cause"]
                raise
            except SluicegateError as error:
                how = error.reason
                raise
            finally:
                self.totals.links[how] += 1
                if self._tracing is not None:
                    self._tracing.describe(watched.trace, {names.SHORT_LINK_OUTCOME: how})

    @contextmanager
    def _spanned(self, org: str, context: CallContext) -> Iterator[CallContext]:
        if self._tracing is None or context.trace is None:
            yield context
            return
        facts: Attributes = {names.ORG: org, names.LINK_PROVIDER: self._provider}
        with self._tracing.inner_span("short link", context.trace, facts) as inner:
            yield structs.replace(context, trace=inner)

    @contextmanager
    def request(self, request: Request, context: CallContext) -> Iterator[RequestEnd]:
        """Span and count one request to the API, however it ends; whoever gets an answer says so.

        Args:
            request: The request.
            context: The call, as `link` yielded it.

        """
        facts = {names.HTTP_METHOD: request.method, names.URL_TEMPLATE: request.template, **self._server}
        end, began = RequestEnd(), context.clock.monotonic()
        self.totals.in_flight += 1
        try:
            if self._tracing is None:
                yield end
            else:
                name = f"{request.method} {request.template}"
                with self._tracing.client_span(name, context.trace, facts) as end.span:
                    yield end
        except (NotSent, ConnectionLost) as lost:
            end.how = "timeout" if isinstance(lost, TimedOut) else "connection"
            raise
        except UpstreamProtocolError:
            end.how = "answer"
            raise
        finally:
            self.totals.in_flight -= 1
            self.totals.seconds += context.clock.monotonic() - began
            self.totals.requests[end.how] += 1
