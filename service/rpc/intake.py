"""From bytes to a message that keeps the rules of the contract."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from service.errors import MalformedMessage, MessageTooLarge, SluicegateError
from service.rpc.plain import PlainChecks
from service.rpc.plain_values import Check
from service.rpc.validation import refusal

_EXPLAINED_BYTES = 16_384
"""Largest message of which every fault is named: 4 MiB hold two million, which take most of a minute to collect."""
LARGE_BYTES = 131_072
"""Above this a message is worked on beside the event loop: 4 MiB of small values take seconds even if all is well.

No text in a message of this size can be too long, so that nobody needs to look."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands for a message that could not be decoded, until it can be refused properly."""

    error: SluicegateError


@dataclass(frozen=True, slots=True)
class Large:
    """A message whose check would hold up other calls."""

    message: Message


class Intakes:
    """Makes the intakes of RPCs, which share what they learn of names.

    Args:
        limit: How many bytes a message may have.

    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._small = PlainChecks(LARGE_BYTES)
        self._large = PlainChecks(limit)

    def of(self, request: type[Message], method: str, unread: str = "") -> "Intake":
        """Return the intake of one RPC.

        Args:
            request: The type of its messages.
            method: Its name.
            unread: Name of a map in it whose values are left to the handler to check, unless the message is large.

        """
        return Intake(
            request,
            method,
            self._limit,
            is_plain=self._small.of(request, unread),
            is_plain_large=self._large.of(request),
        )


class Intake:
    """Takes in the messages of one RPC; see `Intakes.of`.

    Args:
        request: Their type.
        method: The RPC's name.
        limit: How many bytes a message may have.
        is_plain: Tells cheaply that a message which is not large keeps every rule.
        is_plain_large: Tells it of a large one.

    """

    def __init__(
        self, request: type[Message], method: str, limit: int, *, is_plain: Check, is_plain_large: Check
    ) -> None:
        self._request = request
        self._method = method
        self._limit = limit
        self._is_plain = is_plain
        self._is_plain_large = is_plain_large
        self._pieces = _pieces_of(request)

    def decode(self, data: bytes, /) -> Any:
        """Return the message, or what stands for it until `admit`.

        It raises nothing: gRPC would tell the caller UNKNOWN, and no handler would hear of it.
        """
        if len(data) > self._limit:
            return Undecodable(
                MessageTooLarge(
                    f"the message has {len(data)} bytes; at most {self._limit} are taken",
                    metadata={"size_bytes": str(len(data)), "limit_bytes": str(self._limit)},
                )
            )
        try:
            message = self._request.FromString(data)
        except DecodeError:
            return Undecodable(
                MalformedMessage(
                    f"the bytes are no {self._request.DESCRIPTOR.full_name}", metadata={"method": self._method}
                )
            )
        if len(data) <= LARGE_BYTES or (self._is_piece(message) and self._is_plain_large(message)):
            return message
        return Large(message)

    def is_good(self, received: Any) -> bool:
        """Tell whether what was decoded is a message that certainly keeps the rules; if not, `admit` decides."""
        return type(received) is self._request and self._is_plain(received)

    async def admit(self, received: Any) -> Message:
        """Return the message that was received, once it is known to keep the rules.

        Other calls go on while a large one is looked at.

        Raises:
            MalformedMessage: It could not be decoded.
            MessageTooLarge: It is larger than the service takes.
            InvalidRequest: A rule does not hold; every field at fault is named, or the first one of a long message.

        """
        if isinstance(received, Undecodable):
            raise received.error
        if isinstance(received, Large):
            await asyncio.to_thread(self._check_large, received.message)
            return received.message
        message: Message = received
        if not self._is_plain(message):
            check(message)
        return message

    async def admit_each(self, received: AsyncIterator[Any]) -> AsyncIterator[Message]:
        """Yield the messages of a stream as `admit` returns them."""
        each = aiter(received)
        # No name is bound to what was yielded: it would be held, as a copy of its data, until the next one has come.
        with suppress(StopAsyncIteration):
            while True:
                yield await self._admitted(await anext(each))

    async def _admitted(self, received: Any) -> Message:
        good: Message = received if self.is_good(received) else await self.admit(received)
        return good

    def _is_piece(self, message: Message) -> bool:
        """Tell whether a message is one field of bytes, whose size makes no work."""
        name, members = self._pieces
        return bool(members) and message.WhichOneof(name) in members

    def _check_large(self, message: Message) -> None:
        if not self._is_plain_large(message):
            check(message)


def _pieces_of(request: type[Message]) -> tuple[str, frozenset[str]]:
    """Return the oneof that is all of a message, and its members that are bytes; none if there is no such oneof."""
    descriptor = request.DESCRIPTOR
    for oneof in descriptor.oneofs:
        if len(oneof.fields) == len(descriptor.fields):
            members = (field.name for field in oneof.fields if field.type == FieldDescriptor.TYPE_BYTES)
            return oneof.name, frozenset(members)
    return "", frozenset()


def check(message: Message) -> None:
    """Hold a message against the rules of the contract.

    Raises:
        InvalidRequest: A rule does not hold; every field at fault is named, or the first one of a long message.

    """
    if protovalidate.collect_violations(message, fail_fast=True):
        is_long = message.ByteSize() > _EXPLAINED_BYTES
        raise refusal(message, protovalidate.collect_violations(message, fail_fast=is_long))
