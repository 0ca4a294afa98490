"""How a bulk load is made, and the header that says so."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypedDict

from sluicegate.bulk import Format, Operation, ResultsWanted
from sluicegate.v1 import bulk_load_pb2, bulk_service_pb2
from sluicegate.v1.bulk_service_pb2 import BulkColumn, BulkConstant, BulkLoadHeader
from sluicegate.words import to_number

_OPERATIONS = bulk_load_pb2.BulkOperation.DESCRIPTOR
_FORMATS = bulk_service_pb2.BulkFormat.DESCRIPTOR
_WANTED = bulk_service_pb2.BulkResults.DESCRIPTOR
_DELIMITERS = bulk_service_pb2.BulkDelimiter.DESCRIPTOR
_LINE_ENDS = bulk_service_pb2.BulkLineEnd.DESCRIPTOR

Delimiter: TypeAlias = Literal["comma", "tab", "semicolon", "pipe", "caret", "backquote"]
"""What stands between the cells of CSV."""
LineEnd: TypeAlias = Literal["lf", "crlf"]
"""How the rows of CSV end."""


class BulkOptions(TypedDict, total=False):
    """Options of a bulk load. A load that is gone on with needs the same ones."""

    mapping: Mapping[str, str]
    """Fields, or lookups such as `Account.Ext__c`, by column of the data; an empty one leaves the column out."""
    constants: Mapping[str, str]
    """Values of fields that are the same in all rows, as cells of CSV have them."""
    null_text: str | None
    """A cell of this text sets its field to null, as `#N/A` does. None leaves cells alone."""
    delimiter: Delimiter | None
    """What stands between the cells of CSV; found in its header row if None."""
    line_end: LineEnd | None
    """How rows of CSV end; either way if None."""
    assignment_rule_id: str
    """Id of the assignment rule for leads or cases; empty for none."""
    key_column: str
    """The column, by its name in the data, whose cell comes back with each result."""
    one_part_at_a_time: bool
    """Write parts one after another: for rows that lock each other's parents."""
    parent_column: str
    """The column, by its name in the data, that names each row's parent: rows of one parent are uploaded together."""
    keep_results: bool
    """Have Salesforce keep the results also of few rows: calls that write them keep none."""


def encode_header(
    org: str,
    object_name: str,
    *,
    operation: Operation,
    external_id_field: str,
    data_format: Format,
    results: ResultsWanted,
    options: BulkOptions,
) -> BulkLoadHeader:
    """Make the first message of a load, without token and without who commits.

    Raises:
        ValueError: An argument is none of the words that it takes.
        TypeError: An option is not of its type.

    """
    header = BulkLoadHeader(
        org=org,
        object=object_name,
        operation=bulk_load_pb2.BulkOperation.ValueType(to_number(_OPERATIONS, "operation", operation)),
        external_id_field=external_id_field,
        format=bulk_service_pb2.BulkFormat.ValueType(to_number(_FORMATS, "data_format", data_format)),
        results=bulk_service_pb2.BulkResults.ValueType(to_number(_WANTED, "results", results)),
        mapping=[BulkColumn(name=name, field=field) for name, field in options.get("mapping", {}).items()],
        constants=[BulkConstant(field=field, value=value) for field, value in options.get("constants", {}).items()],
        null_text=options.get("null_text"),
        assignment_rule_id=options.get("assignment_rule_id", ""),
        key_column=options.get("key_column", ""),
        one_part_at_a_time=options.get("one_part_at_a_time", False),
        parent_column=options.get("parent_column", ""),
        keep_results=options.get("keep_results", False),
    )
    if (delimiter := options.get("delimiter")) is not None:
        header.delimiter = bulk_service_pb2.BulkDelimiter.ValueType(to_number(_DELIMITERS, "delimiter", delimiter))
    if (line_end := options.get("line_end")) is not None:
        header.line_end = bulk_service_pb2.BulkLineEnd.ValueType(to_number(_LINE_ENDS, "line_end", line_end))
    return header
