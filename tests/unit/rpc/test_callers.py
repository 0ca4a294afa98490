"""Who calls and how much it matters."""

import pytest

from service.context import Priority
from service.errors import InvalidRequest
from service.rpc.callers import caller_of, default_caller

DEFAULT = default_caller("sluicegate.v1.RecordService/UpsertRecord")


def test_a_call_that_says_nothing_is_standard_and_nobodys():
    """Other metadata is of no interest."""
    caller = caller_of([("user-agent", "grpc"), ("traceparent", "00")], DEFAULT)

    caller.check()
    assert DEFAULT is caller
    assert ("", Priority.STANDARD) == (caller.name, caller.priority)


@pytest.mark.parametrize("method", ["BulkLoad", "UploadBulkLoadPart", "CommitBulkLoad"])
def test_a_bulk_load_that_says_nothing_is_batch(method):
    """It may as well be done tonight, unless its caller says otherwise."""
    default = default_caller(f"sluicegate.v1.BulkService/{method}")

    assert Priority.BATCH is caller_of([], default).priority
    assert Priority.INTERACTIVE is caller_of([("sluicegate-priority", "interactive")], default).priority


@pytest.mark.parametrize("priority", list(Priority))
def test_the_caller_says_who_it_is_and_how_urgent(priority):
    """Names may have dots, dashes and underscores; priorities are the classes in lower case."""
    metadata = [("sluicegate-priority", priority.name.lower()), ("sluicegate-caller", "web.shop_eu-1")]

    caller = caller_of(metadata, DEFAULT)

    assert ("web.shop_eu-1", priority, None) == (caller.name, caller.priority, caller.fault)


@pytest.mark.parametrize("name", ["", " ", "-a", "a b", "a\n", "ä", "(others)", "a" * 64, b"\xff"])
def test_a_name_that_is_none_is_refused(name):
    """The violation names the key, and nothing repeats what was sent."""
    with pytest.raises(InvalidRequest) as raised:
        caller_of([("sluicegate-caller", name)], DEFAULT).check()

    assert ["metadata.sluicegate-caller"] == [item.field for item in raised.value.violations]


@pytest.mark.parametrize("priority", ["", "urgent", "BATCH", "batch ", "0"])
def test_a_priority_that_is_none_is_refused(priority):
    """The refusal lists those that there are."""
    with pytest.raises(InvalidRequest, match="interactive, standard, batch") as raised:
        caller_of([("sluicegate-priority", priority)], DEFAULT).check()

    assert ["metadata.sluicegate-priority"] == [item.field for item in raised.value.violations]


@pytest.mark.parametrize(
    "metadata",
    [
        [("sluicegate-caller", "a"), ("sluicegate-caller", "b")],
        [("sluicegate-caller", "a"), ("x", "y"), ("sluicegate-priority", "batch"), ("sluicegate-priority", "batch")],
        [("sluicegate-priority", "batch"), ("x", "y"), ("sluicegate-caller", "a"), ("sluicegate-priority", "batch")],
    ],
)
def test_what_is_said_twice_is_refused(metadata):
    """Which of the two holds would be anyone's guess."""
    with pytest.raises(InvalidRequest, match=f"{metadata[-1][0]} is said twice"):
        caller_of(metadata, DEFAULT).check()
