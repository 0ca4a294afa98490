"""The content of an HTTP request, decompressed within bounds."""

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from service.emulator.faults import SalesforceFault, unparsable

MAXIMUM_BODY_BYTES = 52_428_800
"""Salesforce takes up to 50 MB in a REST body; bulk uploads, which are streamed, have a limit of their own."""

_PIECE_BYTES = 65_536
_GZIP = 31  # zlib's word for "gzip header and checksum expected"


@dataclass(frozen=True, slots=True)
class HttpBody:
    """A request's content; `Content-Encoding: gzip` is undone here, so that a few bytes never become gigabytes."""

    request: web.Request

    async def read(self) -> bytes:
        """Return the whole content.

        Raises:
            SalesforceFault: 413 above 50 MB, 400 JSON_PARSER_ERROR for content that does not decompress.

        """
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            size += len(piece)
            if size > MAXIMUM_BODY_BYTES:
                raise SalesforceFault(413, "REQUEST_ENTITY_TOO_LARGE", "The request body is above 50 MB")
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the content in pieces of at most 64 KiB.

        Raises:
            SalesforceFault: 400 JSON_PARSER_ERROR for content that does not decompress.
            ConnectionResetError: The caller has gone.

        """
        content = self.request.content.iter_chunked(_PIECE_BYTES)
        if self.request.headers.get("Content-Encoding", "").strip().lower() != "gzip":
            async for chunk in content:
                yield chunk
            return
        gunzip = zlib.decompressobj(_GZIP)
        async for chunk in content:
            rest = chunk
            while rest:
                yield _decompressed(gunzip, rest)
                rest = gunzip.unconsumed_tail
        if not gunzip.eof:
            raise unparsable("The request body ends in the middle of its compressed data")


def _decompressed(gunzip: "zlib._Decompress", compressed: bytes) -> bytes:
    try:
        return gunzip.decompress(compressed, _PIECE_BYTES)
    except zlib.error:
        raise unparsable("The request body is not compressed as its Content-Encoding says") from None
