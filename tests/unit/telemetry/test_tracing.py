"""Spans: whose children they are, what they are linked to, and that there are none where nobody is sampled."""

from collections.abc import Iterator

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from service.telemetry import names
from service.telemetry.tracing import Tracing

RECORDS = {names.BATCH_RECORDS: 2}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps what is exported, also after its tracing was closed."""

    class Keeping(InMemorySpanExporter):
        def shutdown(self) -> None:
            """Keep what was exported."""

    return Keeping()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    """Tracing of every call."""
    made = Tracing(exporter, sample_ratio=1.0, version="1")
    yield made
    made.close()


def caller(tracing: Tracing) -> tuple[Span, Context]:
    """Begin a caller's span."""
    span = tracing.start_server_span("call", None, {})
    assert span is not None
    return span, set_span_in_context(span)


def test_a_batch_is_a_child_of_one_caller_and_linked_to_all(tracing, exporter):
    """Each caller's trace leads to the batch its record rode in, 200 callers included."""
    callers = [caller(tracing) for _ in range(200)]
    first, _ = callers[0]

    with tracing.batch_span("write", [context for _, context in callers], RECORDS):
        pass
    tracing.close()

    (batch,) = (finished for finished in exporter.get_finished_spans() if finished.name == "write")
    assert batch.parent is not None
    assert first.get_span_context().span_id == batch.parent.span_id
    assert [span.get_span_context() for span, _ in callers] == [link.context for link in batch.links]
    assert SpanKind.INTERNAL == batch.kind
    assert RECORDS == dict(batch.attributes or {})


def test_what_a_batch_sends_is_its_child(tracing, exporter):
    """The context that a batch yields makes the HTTP request's span part of it."""
    _, parent = caller(tracing)

    with (
        tracing.batch_span("write", [parent], {}) as context,
        tracing.client_span("POST", context, {}),
    ):
        pass
    tracing.close()

    request, batch = exporter.get_finished_spans()
    assert request.parent is not None
    assert batch.context.span_id == request.parent.span_id


def test_a_wait_ends_when_its_batch_leaves_and_began_as_long_before_as_it_took(tracing, exporter):
    """The wait stands in the caller's trace with its length, and leads to the batch."""
    span, context = caller(tracing)

    with tracing.batch_span("write", [context], {}) as batch:
        tracing.add_wait("wait", context, 1.5, batch)
    tracing.close()

    (wait, sent) = exporter.get_finished_spans()
    assert span.get_span_context().span_id == wait.parent.span_id
    assert 1_500_000_000 == wait.end_time - wait.start_time
    assert [sent.context] == [link.context for link in wait.links]


def test_a_batch_of_callers_that_are_not_sampled_has_no_span(tracing):
    """There is nothing to show it to."""
    with tracing.batch_span("write", [], {}) as made:
        pass

    assert made is None


def test_without_an_exporter_nothing_is_made():
    """Contexts that came from elsewhere do not change that."""
    tracing = Tracing(None, sample_ratio=1.0, version="1")

    with tracing.batch_span("write", [Context()], {}) as made:
        pass

    assert made is None


def test_work_that_fails_ends_its_span_as_an_error(tracing, exporter):
    """The class of the exception is told, its text, which may hold anything, is not."""
    _, parent = caller(tracing)

    with pytest.raises(ValueError, match="secret"), tracing.batch_span("write", [parent], {}):
        raise ValueError("secret")
    tracing.close()

    (batch,) = exporter.get_finished_spans()
    assert {names.ERROR_TYPE: "ValueError"} == dict(batch.attributes or {})
    assert StatusCode.ERROR is batch.status.status_code
    assert "secret" not in batch.to_json()


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("traceparent", "is_made"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-03", True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-02", False),
        (f" 00-{TRACE}-{PARENT}-00", False),
        (f"01-{TRACE}-{PARENT}-00-more", False),
    ],
)
def test_the_callers_decision_holds(exporter, traceparent, is_made):
    """A caller's trace goes on here exactly if the caller samples it, whatever share of calls is sampled otherwise."""
    for sample_ratio in (0.0, 1.0):
        tracing = Tracing(exporter, sample_ratio=sample_ratio, version="1")
        span = tracing.start_server_span("call", traceparent, {})
        tracing.close()

        assert is_made == (span is not None)
        assert span is None or int(TRACE, 16) == span.get_span_context().trace_id


@pytest.mark.parametrize(
    "traceparent",
    [None, "", "nonsense", f"00-{'0' * 32}-{PARENT}-00", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{PARENT}-01"],
)
@pytest.mark.parametrize("sample_ratio", [0.0, 1.0])
def test_a_caller_that_decides_nothing_leaves_it_to_the_ratio(exporter, traceparent, sample_ratio):
    """So does one whose header cannot be read, as W3C Trace Context wants it."""
    tracing = Tracing(exporter, sample_ratio=sample_ratio, version="1")
    span = tracing.start_server_span("call", traceparent, {})
    tracing.close()

    assert bool(sample_ratio) == (span is not None)
    assert span is None or int(TRACE, 16) != span.get_span_context().trace_id


def test_the_ratio_is_the_share_of_calls_that_are_traced(exporter):
    """About a fifth of two thousand; twelve standard deviations are never missed by chance."""
    tracing = Tracing(exporter, sample_ratio=0.2, version="1")
    made = sum(tracing.start_server_span("call", None, {}) is not None for _ in range(2000))
    tracing.close()

    assert 190 < made < 610
