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
from sluicegate.callers import Priority
from sluicegate.client import Client
from sluicegate.errors import FieldViolation, SluicegateError
from sluicegate.explanations import ColumnDescription, QueryExplanation, QueryPlan
from sluicegate.governor import ApiUsage, CallerShare, ClassShare, Governor
from sluicegate.operations import Create, Delete, Node, Operation, Update, Upsert
from sluicegate.query_options import QueryOptions, Route
from sluicegate.records import Record, RecordError, RecordRef, SavedRecord, UpsertResult
from sluicegate.results import DeepLink, DeepLinkTarget, Limit, OrgLimits, ResolvedDeepLink
from sluicegate.rows import Batch, JsonLines
from sluicegate.token_files import TokenFile
from sluicegate.values import NodeId, Reference, Value
from sluicegate.write_options import WriteOptions

__all__ = [
    "Accepted",
    "ApiUsage",
    "Batch",
    "BulkLoad",
    "BulkOptions",
    "BulkPart",
    "CallerShare",
    "ClassShare",
    "Client",
    "ColumnDescription",
    "Create",
    "DeepLink",
    "DeepLinkTarget",
    "Delete",
    "Event",
    "FieldViolation",
    "Finished",
    "Governor",
    "JsonLines",
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
