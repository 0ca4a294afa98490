"""Who calls and how urgently, as the metadata that goes with every call says it."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, cast

from grpc import aio

from sluicegate.v1 import governor_pb2
from sluicegate.words import to_number

Priority = Literal["interactive", "standard", "batch"]
"""How much a call matters when API calls run short: batch calls are refused first, interactive ones last."""

Metadata = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def metadata_of(caller: str, priority: Priority | None) -> Metadata:
    """Return the metadata that tells who calls and how urgently; nothing for what is not said.

    Raises:
        ValueError: The name is none that the service takes, or the priority is none of the words.

    """
    said = []
    if caller:
        if _NAME.fullmatch(caller) is None:
            raise ValueError(
                f"caller is {caller!r}; it must have 1 to 63 letters, digits, dots, dashes and underscores, "
                "and begin with a letter or digit"
            )
        said.append(("sluicegate-caller", caller))
    if priority is not None:
        to_number(governor_pb2.Priority.DESCRIPTOR, "priority", priority)
        said.append(("sluicegate-priority", priority))
    return tuple(said)


def saying(channel: aio.Channel, metadata: Metadata) -> aio.Channel:
    """Return a channel whose calls carry metadata, for stubs; the channel itself where there is none.

    An interceptor would do the same, and cost each call a task of its own.
    """
    return cast("aio.Channel", _Saying(channel, metadata)) if metadata else channel


class _Saying:
    """What stubs ask of a channel."""

    def __init__(self, channel: aio.Channel, metadata: Metadata) -> None:
        self.unary_unary = _with(channel.unary_unary, metadata)
        self.unary_stream = _with(channel.unary_stream, metadata)
        self.stream_unary = _with(channel.stream_unary, metadata)
        self.stream_stream = _with(channel.stream_stream, metadata)


def _with(make: Callable[..., Any], metadata: Metadata) -> Callable[..., Any]:
    return lambda *arguments, **options: partial(make(*arguments, **options), metadata=metadata)
