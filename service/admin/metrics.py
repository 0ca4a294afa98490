"""What `/metrics` tells: how each org that was called stands, in Prometheus' text format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.batching.statistics import Statistics as Batching
from service.bulk.room import DiskRoom
from service.bulk.telling.watching import Totals as Loading
from service.deep_links.shortener import Shortener
from service.deep_links.watching import Statistics as Shortening
from service.governor.base import Share
from service.governor.base import Statistics as Governing
from service.orgs.registry import OrgRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus, "Exposition formats"."""

_Figures = tuple[tuple[str, str, Callable[[Governing], float | None]], ...]
"""Names without the prefix, what they mean, and where they are found; None is left out."""

_GOVERNING: _Figures = (
    (
        "api_calls_used",
        "API calls of the last 24 hours by all of the org's clients, as Salesforce told.",
        lambda found: None if found.usage is None else found.usage.used,
    ),
    (
        "api_calls_maximum",
        "The org's allocation of them.",
        lambda found: None if found.usage is None else found.usage.maximum,
    ),
    ("own_calls", "Those that the service made.", lambda found: found.own_calls),
    (
        "own_calls_maximum",
        "Most of them by the service's settings, where that is nearer than the allocation.",
        lambda found: found.own_maximum,
    ),
    (
        "others_calls_per_second",
        "Rate at which the org's other clients make API calls.",
        lambda found: found.others_per_second,
    ),
    (
        "exhausted_in_seconds",
        "When the calls will be used up at the present rate; absent if not within 24 hours.",
        lambda found: found.exhausted_in_seconds,
    ),
    (
        "hold_seconds",
        "How long calls that are not full are held back: the price of one.",
        lambda found: found.hold_seconds,
    ),
    (
        "closed_seconds",
        "How long the org is left alone because it refused; 0 if it is not.",
        lambda found: found.closed_seconds,
    ),
    (
        "outage_seconds",
        "How long the org has been left alone because it answers nothing but outages; 0 if it is not.",
        lambda found: found.outage_seconds or 0.0,
    ),
    (
        "login_outage_seconds",
        "The same of the host that the service logs in at.",
        lambda found: found.login_outage_seconds or 0.0,
    ),
    ("requests_in_flight", "Requests to the org that are open.", lambda found: found.in_flight),
    ("requests_limit", "Most of them at a time; it adapts.", lambda found: found.concurrency_limit),
    ("requests_waiting", "Requests that wait to be made.", lambda found: found.waiting),
    ("requests_long_running", "Open ones that Salesforce counts as long-running.", lambda found: found.long_running),
    (
        "degraded",
        "1 while the store that replicas share is away, so that this one keeps to its safe share.",
        lambda found: found.degraded,
    ),
    ("shadow", "1 if refusals are only counted.", lambda found: found.shadow),
)
_BATCHING: tuple[tuple[str, str, Callable[[Batching], float]], ...] = (
    ("records_waiting", "Records to be written that wait or are in flight.", lambda found: found.held_records),
    ("records_waiting_bytes", "The same in bytes.", lambda found: found.held_bytes),
)
_COUNTED: tuple[tuple[str, str, Callable[[Governing, Batching], float]], ...] = (
    ("requests", "Requests to the org that were made.", lambda governing, _: governing.permits),
    ("batch_calls", "Those among them that carried records to be written.", lambda _, batching: batching.calls),
    ("batch_records", "Records that they carried.", lambda _, batching: batching.records),
    ("batch_retried_records", "Records sent again for a row lock.", lambda _, batching: batching.retried),
)
_SHARES: tuple[tuple[str, str, Callable[[Share], float | None]], ...] = (
    ("calls_used", "API calls of the last 24 hours made for the {}.", lambda share: share.used),
    ("calls_maximum", "From how many on calls of the {} are refused.", lambda share: share.maximum),
    ("requests_waiting", "Requests of the {} that wait to be made.", lambda share: share.waiting),
)


_LOADING: tuple[tuple[str, str, Callable[[Loading], float]], ...] = (
    ("loads_open", "Calls of BulkLoad that are open.", lambda found: found.open),
    (
        "load_parts_at_work",
        "Parts of loads that are uploaded, written or reported.",
        lambda found: found.parts_at_work,
    ),
)
_LOADED: tuple[tuple[str, str, Callable[[Loading], float]], ...] = (
    ("loads_resumed", "Calls of BulkLoad that went on with a load.", lambda found: found.resumed),
    ("load_bytes", "Bytes that bulk jobs were given.", lambda found: found.uploaded_bytes),
    ("load_jobs_created", "Bulk jobs that were created.", lambda found: found.jobs_created),
    (
        "load_jobs_left_open",
        "Bulk jobs of no use that could not be aborted; Salesforce forgets them.",
        lambda found: found.jobs_left_open,
    ),
)
_LOADED_AS: tuple[tuple[str, str, str, Callable[[Loading], Mapping[str, int]]], ...] = (
    (
        "loads_ended",
        "outcome",
        "Calls of BulkLoad by how they ended: finished, left by their callers, or the reason of their error.",
        lambda found: found.ended,
    ),
    ("load_rows", "outcome", "Rows of parts of loads that are over.", lambda found: found.rows),
    (
        "load_jobs_ended",
        "state",
        "Bulk jobs of parts that are over by their state; Withdrawn are those that the service aborted.",
        lambda found: found.jobs_ended,
    ),
)

_SHORTENING: tuple[tuple[str, str, Callable[[Shortening], float]], ...] = (
    (
        "requests_in_flight",
        "Requests to the provider's API for short links that are open.",
        lambda found: found.totals.in_flight,
    ),
    ("waiting", "Short links that wait for such a request to end.", lambda found: found.waiting),
    (
        "outage_seconds",
        "How long the API has been left alone because it answers nothing but outages; 0 if it is not.",
        lambda found: found.outage_seconds,
    ),
)
_SHORTENED: tuple[tuple[str, str, Callable[[Shortening], Mapping[str, int]]], ...] = (
    (
        "short_links",
        "Short links by how asking for them ended: made, left by callers, a cause, or the reason of an error.",
        lambda found: found.totals.links,
    ),
    (
        "short_link_requests",
        "Requests to the provider's API by what became of them: 2xx to 5xx, timeout, connection, answer or left.",
        lambda found: found.totals.requests,
    ),
)


class Metrics:
    """Figures of this process and of the orgs that it was called for, worked out when someone asks.

    Callers appear if the configuration bounds them: names that anyone could invent would fill the memory of whoever
    keeps the figures.

    Args:
        orgs: The orgs.
        disk: Where the data of bulk loads lies.
        shorteners: Make the short links of providers.

    """

    def __init__(self, orgs: OrgRegistry, disk: DiskRoom, shorteners: Sequence[Shortener]) -> None:
        # One of its own: the library's is the whole process's, and remembers apps that were closed.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Orgs(orgs))
        self._registry.register(_Disk(disk))
        self._registry.register(_Shorteners(shorteners))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the figures as they stand. To be called by the event loop's thread."""
        return generate_latest(self._registry)


class _Orgs(Collector):
    """Reads the figures of orgs off their statistics."""

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is depends on which orgs are called."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure, with a sample for each org."""
        found = [(org.name, org.governor_statistics(), org.batching_statistics()) for org in self._orgs.opened]
        for name, meaning, read in _GOVERNING:
            yield _gauge(name, meaning, ("org",), [((org,), read(governing)) for org, governing, _ in found])
        for name, meaning, read_batching in _BATCHING:
            yield _gauge(name, meaning, ("org",), [((org,), read_batching(batching)) for org, _, batching in found])
        for name, meaning, count in _COUNTED:
            counter = CounterMetricFamily(f"sluicegate_{name}", meaning, labels=("org",))
            for org, governing, batching in found:
                counter.add_metric((org,), count(governing, batching))
            yield counter
        yield from _loads([(org.name, org.loads.totals) for org in self._orgs.opened])
        of_classes = [
            ((org, priority.name.lower()), share)
            for org, governing, _ in found
            for priority, share in governing.classes.items()
        ]
        of_callers = [
            ((org, caller), share)
            for org, governing, _ in found
            for caller, share in governing.callers.items()
            if share.maximum is not None
        ]
        yield from _shares("class", of_classes)
        yield from _shares("caller", of_callers)


class _Disk(Collector):
    """Reads the figures of the disk that all loads share."""

    def __init__(self, disk: DiskRoom) -> None:
        self._disk = disk

    def describe(self) -> Iterable[Metric]:
        """Return nothing, as orgs do."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure."""
        yield _gauge("spool_bytes", "Room on the disk that bulk loads have taken.", (), [((), self._disk.taken)])
        yield _gauge("spool_bytes_maximum", "All of it.", (), [((), self._disk.limit)])
        yield _gauge("spool_waiting", "Bulk loads that wait for room.", (), [((), self._disk.waiting)])


class _Shorteners(Collector):
    """Reads the figures of short links, which all orgs have in common."""

    def __init__(self, shorteners: Sequence[Shortener]) -> None:
        self._shorteners = shorteners

    def describe(self) -> Iterable[Metric]:
        """Return nothing, as orgs do."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure, with a sample for each provider."""
        found = [shortener.statistics() for shortener in self._shorteners]
        for name, meaning, read in _SHORTENING:
            yield _gauge(
                f"short_link_{name}", meaning, ("provider",), [((each.provider,), read(each)) for each in found]
            )
        for name, meaning, count in _SHORTENED:
            counter = CounterMetricFamily(f"sluicegate_{name}", meaning, labels=("provider", "outcome"))
            for each in found:
                for outcome, number in count(each).items():
                    counter.add_metric((each.provider, outcome), number)
            yield counter
        meaning = "How long requests to the provider's API were open, all together."
        seconds = CounterMetricFamily("sluicegate_short_link_request_seconds", meaning, labels=("provider",))
        for each in found:
            seconds.add_metric((each.provider,), each.totals.seconds)
        yield seconds


def _loads(found: Sequence[tuple[str, Loading]]) -> Iterator[Metric]:
    for name, meaning, read in _LOADING:
        yield _gauge(name, meaning, ("org",), [((org,), read(totals)) for org, totals in found])
    for name, meaning, read in _LOADED:
        counter = CounterMetricFamily(f"sluicegate_{name}", meaning, labels=("org",))
        for org, totals in found:
            counter.add_metric((org,), read(totals))
        yield counter
    for name, label, meaning, read_all in _LOADED_AS:
        counter = CounterMetricFamily(f"sluicegate_{name}", meaning, labels=("org", label))
        for org, totals in found:
            for value, number in read_all(totals).items():
                counter.add_metric((org, value), number)
        yield counter


def _shares(kind: str, shares: Sequence[tuple[tuple[str, str], Share]]) -> Iterator[Metric]:
    for name, meaning, read in _SHARES:
        samples = [(labels, read(share)) for labels, share in shares]
        yield _gauge(f"{kind}_{name}", meaning.format(kind), ("org", kind), samples)
    meaning = f"Calls of the {kind} that were refused, or would have been in shadow mode."
    counter = CounterMetricFamily(f"sluicegate_{kind}_refused", meaning, labels=("org", kind))
    for labels, share in shares:
        counter.add_metric(labels, share.refused)
    yield counter


def _gauge(
    name: str, meaning: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], float | None]]
) -> Metric:
    family = GaugeMetricFamily(f"sluicegate_{name}", meaning, labels=labels)
    for values, value in samples:
        if value is not None:
            family.add_metric(values, value)
    return family
