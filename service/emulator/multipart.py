"""Reading `multipart/form-data`, as bulk jobs and blobs are created with."""

import re
from collections.abc import Iterator

from service.emulator.faults import unparsable

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})"?', re.IGNORECASE)
_NAME = re.compile(r'\bname="?([^";\r\n]*)"?', re.IGNORECASE)


def parts_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the content of each part by its name; of two parts of one name the first counts.

    Args:
        content_type: Header of the request, which names the boundary.
        body: The whole content.

    Raises:
        SalesforceFault: 400 JSON_PARSER_ERROR: there is no boundary, or a part has no name or no end. The code is
            unverified.

    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise unparsable("The Content-Type of a multipart request has to name its boundary")
    parts: dict[str, bytes] = {}
    for name, content in _parts(b"--" + boundary[1].encode(), body):
        parts.setdefault(name, content)
    return parts


def _parts(delimiter: bytes, body: bytes) -> Iterator[tuple[str, bytes]]:
    # Every delimiter but the first ends with the line break before it; the last one has two hyphens behind it.
    pieces = (b"\n" + body).replace(b"\r\n" + delimiter, b"\n" + delimiter).split(b"\n" + delimiter)
    if not pieces[-1].lstrip(b" \t").startswith(b"--"):
        raise unparsable("The last part of a multipart request has no end")
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        if not gap:
            head, gap, content = piece.partition(b"\n\n")
        name = _NAME.search(head.decode("utf-8", "replace"))
        if not gap or name is None:
            raise unparsable("A part of a multipart request has no name")
        yield name[1], content
