"""Lengths of time as callers give them."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration


def encode_duration(argument: str, given: timedelta | float, bounds: str) -> Duration:
    """Make the message that holds a length of time.

    Args:
        argument: What the caller gave it as.
        given: A timedelta, or seconds.
        bounds: What the service takes, `seconds from 0 to 60`.

    Raises:
        ValueError: It is no length of time.

    """
    try:
        length = given if isinstance(given, timedelta) else timedelta(seconds=given)
        duration = Duration()
        duration.FromTimedelta(length)
    except (ValueError, OverflowError):
        raise ValueError(f"{argument} is {given}; it must be a timedelta, or {bounds}") from None
    return duration
