"""Requests with an id of their own: carried out once however often they are made."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from hashlib import blake2b
from typing import TypeVar

from google.protobuf.message import Message
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, ComposeRecordsRequest, CreateRecordRequest

from service.context import CallContext
from service.request_ids.request_ids import RequestIds, outliving
from service.rpc.intake import LARGE_BYTES

_DIGEST_BYTES = 32

Identified = CreateRecordRequest | ApplyRecordsRequest | ComposeRecordsRequest
"""A request that may have an id."""

Response = TypeVar("Response", bound=Message)


class Repeats:
    """Answers requests; those that have an id as they were answered first.

    Args:
        request_ids: Remembers the answers.

    """

    def __init__(self, request_ids: RequestIds) -> None:
        self._request_ids = request_ids

    async def answer(
        self,
        org: str,
        request: Identified,
        response: type[Response],
        make: Callable[[CallContext], Awaitable[Response]],
        call: CallContext,
    ) -> Response:
        """Return a request's answer, by `make` unless its id was seen before.

        A call that is cancelled leaves the work of a request with an id to go on; see `RequestIds.answer`.

        Args:
            org: Name of the org that is called.
            request: The request.
            response: What `make` returns.
            make: Carries the request out, within the time of the call that it is given.
            call: The call that waits.

        Raises:
            service.errors.SluicegateError: What the request failed with, now or at first; or the id belongs to a
                request with another body; or the answers cannot be remembered where they should.

        """
        if not request.request_id:
            return await make(call)

        async def made() -> bytes:
            return (await make(outliving(call))).SerializeToString()

        scope = f"{call.method}/{org}"
        is_large = request.ByteSize() > LARGE_BYTES
        digest = await asyncio.to_thread(_digest, request) if is_large else _digest(request)
        remembered = await self._request_ids.answer(scope, request.request_id, digest, made, call)
        return response.FromString(remembered)


def _digest(request: Identified) -> bytes:
    """Return a digest of what a request asks for; which org it asks is told by the scope, however it was named.

    Map entries are sorted. A repeat that is serialized by another version of the client has the same digest, since it
    is made of what was understood of the request.
    """
    body = deepcopy(request)
    body.ClearField("request_id")
    body.ClearField("org")
    return blake2b(body.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES).digest()
