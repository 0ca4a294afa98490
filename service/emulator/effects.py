"""What a scripted fault does: to a request, to the writing of a row, or to a bulk job."""

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Delay:
    """Handle the request, but only after a wait. From 20 seconds on it takes a long-request slot."""

    seconds: float


@dataclass(frozen=True, slots=True)
class UniformDelay:
    """A delay between two bounds, each as likely as any other."""

    low: float
    """Seconds."""
    high: float
    """Seconds."""

    def drawn(self, random: Random) -> Delay:
        """Return the delay of one request."""
        return Delay(random.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True)
class LogNormalDelay:
    """A delay that is mostly near its median and now and then far above, as those of real services are."""

    median: float
    """Seconds; half of all delays are below."""
    sigma: float
    """Standard deviation of the logarithm; 0.5 makes one delay in a hundred more than three times the median."""
    maximum: float = 60.0
    """Seconds; longer delays are cut to it."""

    def drawn(self, random: Random) -> Delay:
        """Return the delay of one request."""
        return Delay(min(self.maximum, random.lognormvariate(math.log(self.median), self.sigma)))


@dataclass(frozen=True, slots=True)
class Page:
    """Answer an HTML page in Salesforce's stead, as its edge does in an outage (420, 502, 503)."""

    status: int = 503
    html: str = "<html><head><title>Service Unavailable</title></head><body><h1>Service Unavailable</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer an error array and handle nothing."""

    status: int
    error_code: str
    message: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection without a whole answer: before the request is handled, or after its effects stand."""

    after_handling: bool = False
    mid_body: bool = False
    """Handle the request, send head and half of the body, then cut."""
    mid_request: bool = False
    """Read half of the request's body, then cut; nothing is handled."""
    reset: bool = False
    """Cut with a TCP reset, which the peer sees as an error at once, rather than an end."""


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Reset a connection as soon as it is accepted; with TLS, as soon as both sides have shaken hands."""


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    """End every session of the org (of all orgs when the request names none), then handle the request."""


@dataclass(frozen=True, slots=True)
class QuotaUsedUp:
    """Refuse a call of an org as one above its daily API requests, and say in `Sforce-Limit-Info` that all are used."""


@dataclass(frozen=True, slots=True)
class LockRow:
    """Refuse the writing of a row with UNABLE_TO_LOCK_ROW, whichever resource it arrives by."""

    sobject: str | None = None
    """API name in any case; None for every object."""
    in_trigger: bool = False
    """Wrap the code in the text of a trigger's exception."""


@dataclass(frozen=True, slots=True)
class SlowRows:
    """Take longer over requests that write rows: their rows are written, and the answer and its locks wait."""

    sobject: str | None = None
    """API name in any case; None for every object."""
    request_seconds: float = 0.0
    """Once for a request, or for 200 rows of a bulk job, that writes such rows."""
    row_seconds: float = 0.0
    """For each of the rows."""


@dataclass(frozen=True, slots=True)
class LockParents:
    """Let requests that write under one parent at the same time conflict, as their transactions do in Salesforce.

    A request that writes holds its rows and their parents until `hold_seconds` after the writing, and its answer back
    until then; another that writes one of them meanwhile fails at once. Salesforce waits for about ten seconds first.
    """

    hold_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class SlowJob:
    """Take longer over a bulk job."""

    wait_seconds: float = 0.0
    """In UploadComplete."""
    chunk_seconds: float = 0.0
    """For every 200 rows of an ingest job."""


RequestEffect = Delay | UniformDelay | LogNormalDelay | Page | Refuse | Drop | RevokeSessions | QuotaUsedUp
"""What befalls requests."""
RowEffect = LockRow | SlowRows
"""What befalls the writing of rows."""
Effect = RequestEffect | RowEffect | LockParents | SlowJob | TurnAway
