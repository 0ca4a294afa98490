"""Spans, made only for calls that are sampled: an unsampled call pays for one comparison."""

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from service.telemetry import names

Attributes = Mapping[str, AttributeValue]

_propagator = TraceContextTextMapPropagator()

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
"""The `traceparent` of a well-behaved caller, with its flags (W3C Trace Context)."""
_SAMPLED = 1

_MOST_LINKS = 256
"""A batch has up to 200 callers; the SDK would drop all but the last 128."""


class Tracing:
    """Makes spans and sends them to a collector.

    Args:
        exporter: Where finished spans go; None makes no spans at all.
        sample_ratio: Share of calls traced, 0 to 1, when the caller's `traceparent` has not decided.
        version: The service's version, for the resource.

    """

    def __init__(self, exporter: SpanExporter | None, *, sample_ratio: float, version: str) -> None:
        self._provider: TracerProvider | None = None
        self._sample_ratio = sample_ratio
        if exporter is not None:
            resource = Resource.create({"service.name": "sluicegate", "service.version": version})
            self._provider = TracerProvider(
                sampler=ParentBased(ALWAYS_ON),
                resource=resource,
                shutdown_on_exit=False,
                span_limits=SpanLimits(max_links=_MOST_LINKS),
            )
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
            self._tracer = self._provider.get_tracer("sluicegate", version)

    @property
    def is_on(self) -> bool:
        """Tell whether any call may be sampled."""
        return self._provider is not None

    def start_server_span(self, name: str, traceparent: str | None, attributes: Attributes) -> Span | None:
        """Start the span of an incoming call under the caller's span; None when the call is not sampled.

        Args:
            name: The span's name: the RPC method.
            traceparent: The caller's W3C trace context, if it sent one.
            attributes: What is known before the call runs.

        """
        if self._provider is None:
            return None
        # Decided before anything is built: over a span that is not sampled the SDK takes as long as over any other.
        if traceparent and (known := _TRACEPARENT.fullmatch(traceparent)) and not int(known[1], 16) & _SAMPLED:
            return None
        parent = _propagator.extract({"traceparent": traceparent}) if traceparent else Context()
        if not parent and random.random() >= self._sample_ratio:  # noqa: S311 - nothing is kept secret by it
            return None
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
        with _ending(span):
            yield span

    @contextmanager
    def batch_span(self, name: str, callers: Sequence[Context], attributes: Attributes) -> Iterator[Context | None]:
        """Span work that is done once for many callers. An exception ends it as an error by its class name.

        Yields the context that makes further spans children of the work's; None if no caller is sampled.

        Args:
            name: The span's name: what is done.
            callers: The contexts of every sampled caller's span, at most 256; the work appears in the first one's
                trace, and is linked to all.
            attributes: What is known before the work.

        """
        if self._provider is None or not callers:
            yield None
            return
        links = [Link(trace.get_current_span(caller).get_span_context()) for caller in callers]
        span = self._tracer.start_span(name, context=callers[0], attributes=attributes, links=links)
        with _ending(span):
            yield trace.set_span_in_context(span, callers[0])

    @contextmanager
    def inner_span(self, name: str, parent: Context, attributes: Attributes) -> Iterator[Context | None]:
        """Span a stretch of a call's own work. An exception ends it as an error by its class name.

        Yields its context; None if there are no spans.

        Args:
            name: The span's name: what is done.
            parent: The context of the call's span.
            attributes: What is known before the work.

        """
        if self._provider is None:
            yield None
            return
        span = self._tracer.start_span(name, context=parent, attributes=attributes)
        with _ending(span):
            yield trace.set_span_in_context(span, parent)

    def describe(self, context: Context | None, attributes: Attributes) -> None:
        """Tell something of a span that is open, by its context; None is of a call that is not sampled."""
        if context is not None:
            trace.get_current_span(context).set_attributes(attributes)

    def add_wait(self, name: str, parent: Context, seconds: float, batch: Context) -> None:
        """Add to a caller's trace how long it waited for a batch, linked to the batch's span.

        Args:
            name: The span's name: what was waited for.
            parent: The context of the caller's span.
            seconds: How long the wait was; it ends now.
            batch: The context of the batch's span.

        """
        if self._provider is None:
            return
        end = time.time_ns()
        links = [Link(trace.get_current_span(batch).get_span_context())]
        span = self._tracer.start_span(name, context=parent, links=links, start_time=end - round(seconds * 1e9))
        span.end(end)

    def close(self) -> None:
        """Send what is still held back, then stop. Blocks for the exporter's own timeout at most."""
        if self._provider is not None:
            self._provider.shutdown()


@contextmanager
def _ending(span: Span) -> Iterator[None]:
    """End a span when its work ends."""
    try:
        yield
    except BaseException as error:
        span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()


def otlp_exporter(endpoint: str) -> SpanExporter | None:
    """Return an exporter to an OTLP/gRPC collector, or None for an empty endpoint.

    Args:
        endpoint: `http://host:4317` for plaintext, `https://…` for TLS.

    """
    if not endpoint:
        return None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - only some have a collector
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))
