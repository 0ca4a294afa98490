"""Spans, made only for calls that are sampled: an unsampled call pays for one comparison."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

Attributes = Mapping[str, AttributeValue]

_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans and sends them to a collector.

    Args:
        exporter: Where finished spans go; None makes no spans at all.
        sample_ratio: Share of calls traced, 0 to 1, when the caller's `traceparent` has not decided.
        version: The service's version, for the resource.

    """

    def __init__(self, exporter: SpanExporter | None, *, sample_ratio: float, version: str) -> None:
        self._provider: TracerProvider | None = None
        if exporter is not None:
            resource = Resource.create({"service.name": "sluicegate", "service.version": version})
            self._provider = TracerProvider(
                sampler=ParentBased(TraceIdRatioBased(sample_ratio)), resource=resource, shutdown_on_exit=False
            )
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
            self._tracer = self._provider.get_tracer("sluicegate", version)

    def start_server_span(self, name: str, traceparent: str | None, attributes: Attributes) -> Span | None:
        """Start the span of an incoming call under the caller's span; None when the call is not sampled.

        Args:
            name: The span's name: the RPC method.
            traceparent: The caller's W3C trace context, if it sent one.
            attributes: What is known before the call runs.

        """
        if self._provider is None:
            return None
        parent = _propagator.extract({"traceparent": traceparent}) if traceparent else Context()
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        return span if span.is_recording() else None

    @contextmanager
    def client_span(self, name: str, parent: Context | None, attributes: Attributes) -> Iterator[Span | None]:
        """Span one attempt of an outgoing request. An exception ends it as an error by its class name.

        Args:
            name: The span's name: method and URL template.
            parent: The context of the call's span; None makes no span.
            attributes: What is known before the attempt.

        """
        if self._provider is None or parent is None:
            yield None
            return
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what is still held back, then stop. Blocks for the exporter's own timeout at most."""
        if self._provider is not None:
            self._provider.shutdown()


def otlp_exporter(endpoint: str) -> SpanExporter | None:
    """Return an exporter to an OTLP/gRPC collector, or None for an empty endpoint.

    Args:
        endpoint: `http://host:4317` for plaintext, `https://…` for TLS.

    """
    if not endpoint:
        return None
    return OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))
