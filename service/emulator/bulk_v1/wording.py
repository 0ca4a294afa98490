"""XML and JSON as the first Bulk API reads and writes them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, cast
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import orjson

from service.emulator.exchange import Answer
from service.emulator.values import format_datetime

_NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_MAXIMUM_BYTES = 1_000_000
"""Far more than a job's order needs; keeps a hostile body from being parsed at length."""


class AsyncFault(Exception):
    """A call that is refused; the answer is 400 whatever the reason.

    Args:
        code: Salesforce's `exceptionCode`. Source: Bulk API Developer Guide, "Errors".
        message: The text; texts other than that of InvalidSessionId are unverified.

    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def read_order(body: bytes, *, as_json: bool) -> dict[str, str]:
    """Return the members of a `jobInfo`.

    Args:
        body: XML or JSON, UTF-8.
        as_json: Which of the two.

    Raises:
        AsyncFault: InvalidJob or InvalidXML for what cannot be read.

    """
    if as_json:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise AsyncFault("InvalidJob", "Unable to parse Job")
        return {key: str(member) for key, member in value.items() if member is not None}
    try:
        text = body[:_MAXIMUM_BYTES].decode()
        # Without declarations there are no entities, and nothing a few bytes could grow into.
        if "<!" in text or len(body) > _MAXIMUM_BYTES:
            raise ValueError(text[:20])  # noqa: TRY301 - the same end as for XML that does not parse
        root = ET.fromstring(text)  # noqa: S314 - see above
    except (UnicodeDecodeError, ET.ParseError, ValueError):
        raise AsyncFault("InvalidXML", "Unable to parse the jobInfo") from None
    if root.tag != f"{{{_NAMESPACE}}}jobInfo":
        raise AsyncFault("InvalidXML", "The root element has to be jobInfo")
    return {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in root}


def info_answer(name: str, info: Mapping[str, object], *, as_json: bool, status: int = 200) -> Answer:
    """Return the answer about a job or a batch.

    Args:
        name: Its element in XML: `jobInfo` or `batchInfo`.
        info: Its members; a float is an instant in epoch seconds.
        as_json: Whether to write JSON.
        status: HTTP status.

    """
    if as_json:
        return Answer(status, _json_members(info))
    return _xml_answer(_element(name, info, root=True), status)


def list_answer(name: str, infos: Sequence[Mapping[str, object]], *, as_json: bool) -> Answer:
    """Return the answer that lists batches; for arguments see `info_answer`."""
    if as_json:
        return Answer(value={name: [_json_members(info) for info in infos]})
    inner = "".join(_element(name, info, root=False) for info in infos)
    return _xml_answer(f'<{name}List\n   xmlns="{_NAMESPACE}">\n{inner}</{name}List>', 200)


def result_list_answer(result_ids: Sequence[str], *, as_json: bool) -> Answer:
    """Return the answer that lists the results of a query batch."""
    if as_json:
        return Answer(value=list(result_ids))
    inner = "".join(f"<result>{each}</result>" for each in result_ids)
    return _xml_answer(f'<result-list xmlns="{_NAMESPACE}">{inner}</result-list>', 200)


def fault_answer(fault: AsyncFault, *, as_json: bool) -> Answer:
    """Return the answer that tells of a refusal."""
    members = {"exceptionCode": fault.code, "exceptionMessage": fault.message}
    if as_json:
        return Answer(400, members)
    return _xml_answer(_element("error", members, root=True), 400)


def csv_of(rows: Any) -> bytes:
    """Return rows given as JSON as the CSV that says the same: null as `#N/A`, a parent as `Parent.Key`.

    Args:
        rows: JSON as given.

    Raises:
        AsyncFault: InvalidBatch for anything but a list of flat objects.

    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AsyncFault("InvalidBatch", "Failed to parse batch: a list of objects is expected")
    flat = [_flat(cast("dict[str, Any]", row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([columns, *([row.get(name, "") for name in columns] for row in flat)])
    return text.getvalue().encode()


def _flat(row: dict[str, Any]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, value in row.items():
        if name == "attributes":
            continue
        members = {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
        for column, cell in members.items():
            if isinstance(cell, dict | list):
                raise AsyncFault("InvalidBatch", f"Failed to parse batch: {column[:255]} is no single value")
            cells[column] = "#N/A" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
    return cells


def _json_members(info: Mapping[str, object]) -> dict[str, object]:
    return {name: format_datetime(value) if isinstance(value, float) else value for name, value in info.items()}


def _element(name: str, info: Mapping[str, object], *, root: bool) -> str:
    space = f'\n   xmlns="{_NAMESPACE}"' if root else ""
    lines = [f" <{key}>{_text(value)}</{key}>\n" for key, value in info.items() if value is not None]
    return f"<{name}{space}>\n{''.join(lines)}</{name}>{'' if root else chr(10)}"


def _text(value: object) -> str:
    if isinstance(value, float):
        return format_datetime(value).replace("+0000", "Z")
    return escape(str(value))


def _xml_answer(content: str, status: int) -> Answer:
    return Answer.text(f'<?xml version="1.0" encoding="UTF-8"?>{content}', "application/xml", status=status)
