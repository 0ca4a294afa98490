"""The Python client of Sluicegate."""

from sluicegate.bulk import (
    Accepted,
    BulkLoad,
    BulkPart,
    Event,
    Finished,
    PartDone,
    Prepared,
    Progress,
    Results,
    RowResult,
)
from sluicegate.bulk_options import BulkOptions
from sluicegate.bulk_plans import BulkLoadDraft, BulkLoadReference, BulkLoadStep
from sluicegate.callers import Priority
from sluicegate.client import Client
from sluicegate.columns import ColumnDescription
from sluicegate.deep_links import (
    ClaimedDeepLink,
    DeepLink,
    DeepLinkDraft,
    DeepLinkError,
    DeepLinkTarget,
    LeftOutTarget,
    ResolvedDeepLink,
)
from sluicegate.errors import FieldViolation, SluicegateError
from sluicegate.explanations import QueryExplanation, QueryPlan
from sluicegate.governor import ApiUsage, CallerShare, ClassShare, Governor
from sluicegate.operations import Create, Delete, Node, Operation, Update, Upsert
from sluicegate.query_options import QueryOptions, Route
from sluicegate.records import Record, RecordError, RecordRef, SavedRecord, UpsertResult
from sluicegate.results import Limit, OrgLimits
from sluicegate.rows import Batch, JsonLines
from sluicegate.token_files import TokenFile
from sluicegate.values import NodeId, Reference, Value
from sluicegate.write_options import WriteOptions

__all__ = [
    "Accepted",
    "ApiUsage",
    "Batch",
    "BulkLoad",
    "BulkLoadDraft",
    "BulkLoadReference",
    "BulkLoadStep",
    "BulkOptions",
    "BulkPart",
    "CallerShare",
    "ClaimedDeepLink",
    "ClassShare",
    "Client",
    "ColumnDescription",
    "Create",
    "DeepLink",
    "DeepLinkDraft",
    "DeepLinkError",
    "DeepLinkTarget",
    "Delete",
    "Event",
    "FieldViolation",
    "Finished",
    "Governor",
    "JsonLines",
    "LeftOutTarget",
    "Limit",
    "Node",
    "NodeId",
    "Operation",
    "OrgLimits",
    "PartDone",
    "Prepared",
    "Priority",
    "Progress",
    "QueryExplanation",
    "QueryOptions",
    "QueryPlan",
    "Record",
    "RecordError",
    "RecordRef",
    "Reference",
    "ResolvedDeepLink",
    "Results",
    "Route",
    "RowResult",
    "SavedRecord",
    "SluicegateError",
    "TokenFile",
    "Update",
    "Upsert",
    "UpsertResult",
    "Value",
    "WriteOptions",
]
