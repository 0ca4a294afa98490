"""A client span for each HTTP attempt."""

from urllib.parse import urlsplit

from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AttributeValue

from service.context import CallContext
from service.salesforce.transport.base import Request, Response, Transport
from service.salesforce.usage import usage_of
from service.telemetry import names
from service.telemetry.tracing import Tracing

_ERROR_STATUS = 400


class ObservedTransport:
    """Makes one span per attempt, next to the wire, so that waiting for a token or a permit is not in it.

    Args:
        inner: The stage below.
        tracing: Makes the spans.
        org: The org's configured name.

    """

    def __init__(self, inner: Transport, tracing: Tracing, *, org: str) -> None:
        self._inner = inner
        self._tracing = tracing
        self._org = org

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send within a span; see `Transport.send`."""
        if context.trace is None:
            return await self._inner.send(request, context)
        url = urlsplit(request.path)
        attributes: dict[str, AttributeValue] = {
            names.HTTP_METHOD: request.method,
            names.URL_TEMPLATE: request.template,
            names.SERVER_ADDRESS: url.hostname or "",
            names.SERVER_PORT: url.port or 443,
            names.ORG: self._org,
        }
        with self._tracing.client_span(f"{request.method} {request.template}", context.trace, attributes) as span:
            response = await self._inner.send(request, context)
            if span is not None:
                span.set_attribute(names.HTTP_STATUS, response.status)
                span.set_attribute(names.SALESFORCE_REQUEST_ID, response.headers.get("x-sfdc-request-id", ""))
                if usage := usage_of(response):
                    span.set_attribute(names.SALESFORCE_API_USED, usage.used)
                    span.set_attribute(names.SALESFORCE_API_MAXIMUM, usage.maximum)
                if response.status >= _ERROR_STATUS:
                    span.set_attribute(names.ERROR_TYPE, str(response.status))
                    span.set_status(StatusCode.ERROR)
            return response
