"""How records are written: the keyword arguments that every write takes."""

from datetime import timedelta
from typing import TypedDict

from sluicegate.durations import encode_duration
from sluicegate.v1.record_operation_pb2 import WriteOptions as WriteOptionsMessage


class WriteOptions(TypedDict, total=False):
    """The keyword arguments. What is left out is as the org's defaults have it."""

    allow_duplicates: bool
    """True writes records that a duplicate rule of the kind that alerts would refuse. Rules that block still refuse."""
    duplicate_rules_as_current_user: bool
    """True lets duplicate rules see only what the org's user may see."""
    skip_assignment_rule: bool
    """True runs no assignment rule for Cases and Leads, not even the active one."""
    assignment_rule_id: str
    """Id of the assignment rule to run for Cases and Leads instead of the active one."""
    max_wait: timedelta | float | None
    """How long, in seconds if it is a number, a record may be held back so that it leaves in a fuller call when the
    org's API calls run short. Zero is never to wait; a minute is the most."""


def encode_options(
    *,
    allow_duplicates: bool = False,
    duplicate_rules_as_current_user: bool = False,
    skip_assignment_rule: bool = False,
    assignment_rule_id: str = "",
    max_wait: timedelta | float | None = None,
) -> WriteOptionsMessage | None:
    """Make the message of the options, whose meanings `WriteOptions` tells; None if nothing was asked for.

    Raises:
        ValueError: An assignment rule is both named and skipped, or the longest wait is no time.

    """
    if skip_assignment_rule and assignment_rule_id:
        raise ValueError("give assignment_rule_id or skip_assignment_rule, and not both")
    options = WriteOptionsMessage(
        allow_duplicates=allow_duplicates, duplicate_rules_as_current_user=duplicate_rules_as_current_user
    )
    if skip_assignment_rule:
        options.skip_assignment_rule = True
    elif assignment_rule_id:
        options.assignment_rule_id = assignment_rule_id
    if max_wait is not None:
        options.max_wait.CopyFrom(encode_duration("max_wait", max_wait, "seconds from 0 to 60"))
    return options if options.ByteSize() else None
