"""The Python client of Sluicegate."""

from sluicegate.bulk import Accepted, BulkLoad, Event, Finished, Progress, Results, RowResult
from sluicegate.client import Client
from sluicegate.errors import FieldViolation, SluicegateError
from sluicegate.results import (
    DeepLink,
    DeepLinkTarget,
    Limit,
    OrgLimits,
    RecordRef,
    ResolvedDeepLink,
    UpsertResult,
)
from sluicegate.rows import Batch
from sluicegate.values import Reference, Value

__all__ = [
    "Accepted",
    "Batch",
    "BulkLoad",
    "Client",
    "DeepLink",
    "DeepLinkTarget",
    "Event",
    "FieldViolation",
    "Finished",
    "Limit",
    "OrgLimits",
    "Progress",
    "RecordRef",
    "Reference",
    "ResolvedDeepLink",
    "Results",
    "RowResult",
    "SluicegateError",
    "UpsertResult",
    "Value",
]
