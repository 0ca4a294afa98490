"""The columns that a load cannot do without, or not have, whatever the sObject.

Source of what a deletion takes: Bulk API 2.0, whose jobs fail over any other column (`InvalidBatch : The 'delete' batch
must contain only ids`), when everything has been uploaded.
"""

from collections.abc import Sequence

from service import errors
from service.bulk.data.formats import Format
from service.bulk.request import LoadRequest, Operation

_DELETIONS = frozenset({Operation.DELETE, Operation.HARD_DELETE})
_SHOWN = 40


def check_needed(request: LoadRequest, columns: Sequence[str]) -> None:
    """Hold columns against what a request needs of every row.

    Raises:
        errors.InvalidData: One is missing, or a deletion has another one than `Id`.

    """
    needed, names = request.needed_column, {column.lower() for column in columns}
    if needed and needed.lower() not in names:
        operation = request.operation.value
        raise errors.InvalidData(f"the data has no column {needed}, which every {operation} needs", row=0)
    other = next((column for column in columns if column.lower() != needed.lower()), "")
    if other and request.operation in _DELETIONS:
        operation = request.operation.value
        raise errors.InvalidData(
            f"a {operation} takes the column Id alone; leave {other[:_SHOWN]!r} out, or map it to nothing", row=0
        )
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
