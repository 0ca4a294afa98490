"""The columns that a load cannot do without, whatever the sObject."""

from collections.abc import Sequence

from service import errors
from service.bulk.data.formats import Format
from service.bulk.request import LoadRequest


def check_needed(request: LoadRequest, columns: Sequence[str]) -> None:
    """Hold columns against what a request needs of every row.

    Raises:
        errors.InvalidData: One is missing.

    """
    needed, names = request.needed_column, {column.lower() for column in columns}
    if needed and needed.lower() not in names:
        operation = request.operation.value
        raise errors.InvalidData(f"the data has no column {needed}, which every {operation} needs", row=0)
    if request.key_column and request.key_field.lower() not in names:
        raise errors.InvalidData(
            f"the data has no column {request.key_column}, which is to be the key of results", row=0
        )
    # Of JSON Lines each part has the columns of its own rows, of which none may have a parent.
    is_common = request.format is not Format.JSON_LINES
    if request.parent_column and is_common and request.parent_field.lower() not in names:
        raise errors.InvalidData(
            f"the data has no column {request.parent_column}, which is to name the parents of rows", row=0
        )
