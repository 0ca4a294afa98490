"""Data that cannot be loaded is refused, with its row, and nothing of it is written."""

import pytest

from service import errors
from service.bulk.cutting.parts import PartLimits
from service.bulk.data.formats import Format
from service.bulk.data.mapping import FieldMapping
from service.bulk.job import JobState
from service.bulk.request import LoadRequest, Operation
from service.bulk.telling.events import Finished
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import load
from tests.unit.bulk.three_rows import DATA, INSERT


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"", 0, "empty"),
        (b"LastName\n", 0, "no row"),
        (b"LastName\n\n\n", 0, "no row"),
        (b"LastName\n1,2\n", 1, "cells"),
    ],
)
async def test_data_that_is_wrong_from_the_start_costs_nothing(data, row, words):
    """Without one row that can be read no job is created."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData, match=words) as caught:
        await load(INSERT, org, data)

    assert row == caught.value.row
    assert org.calls == []


@pytest.mark.parametrize(
    ("request_", "column"),
    [
        (LoadRequest("Lead", Operation.UPDATE), "Id"),
        (LoadRequest("Lead", Operation.DELETE), "Id"),
        (LoadRequest("Lead", Operation.UPSERT, "Key__c"), "Key__c"),
        (LoadRequest("Lead", Operation.UPSERT, "Key__c", format=Format.JSON_LINES), "Key__c"),
    ],
)
async def test_a_missing_key_column_is_named(request_, column):
    """Salesforce would fail every row, so the load is refused before a job is committed."""
    org = FakeBulkOrg()
    data = DATA if request_.format is Format.CSV else b'{"LastName": "Curie"}\n'

    with pytest.raises(errors.InvalidData, match=column) as caught:
        await load(request_, org, data)

    assert caught.value.row == 0
    assert "complete" not in org.calls


@pytest.mark.parametrize("operation", [Operation.DELETE, Operation.HARD_DELETE])
@pytest.mark.parametrize(
    ("mapping", "data"),
    [
        (FieldMapping(), b"LastName,Id\nCurie,003000000000001AAA\n"),
        (FieldMapping(constants={"LastName": "Curie"}), b"Id\n003000000000001AAA\n"),
    ],
)
async def test_a_deletion_takes_nothing_but_ids(operation, mapping, data):
    """Salesforce fails the whole job over another column, so the load is refused before there is one."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData, match="the column Id alone; leave 'LastName' out") as caught:
        await load(LoadRequest("Lead", operation, mapping=mapping), org, data)

    assert 0 == caught.value.row
    assert [] == org.calls


async def test_a_deletion_may_leave_columns_out():
    """What is mapped to nothing does not reach Salesforce."""
    request = LoadRequest("Lead", Operation.DELETE, mapping=FieldMapping(ignored=frozenset(["LastName"])))

    events = await load(request, FakeBulkOrg(), b"LastName,ID\nCurie,003000000000001AAA\n")

    assert isinstance(events[-1], Finished)


async def test_the_key_column_ignores_case():
    """Salesforce's names do not distinguish case."""
    request = LoadRequest("Lead", Operation.UPSERT, "EXT__C")

    events = await load(request, FakeBulkOrg(), DATA)

    assert isinstance(events[-1], Finished)


async def test_bad_data_after_the_begin_aborts():
    """A row that cannot be read aborts the job, and the caller learns its number."""
    org = FakeBulkOrg()
    good = b"LastName\n" + b"Curie\n" * 20_000

    with pytest.raises(errors.InvalidData) as caught:
        await load(INSERT, org, good, b'"\n')

    assert caught.value.row == 20_001
    assert ["batches_left", "create_job", "abort"] == org.calls


async def test_too_much_data_is_refused():
    """What does not fit in one part is refused with the limit, and nothing is written."""
    org = FakeBulkOrg()
    part = b"Curie\n" * 15_000

    with pytest.raises(errors.MessageTooLarge) as caught:
        await load(INSERT, org, b"LastName\n" + part, part, limits=PartLimits(100_000, 1_000_000))

    assert caught.value.metadata["limit_bytes"] == "100000"
    assert {JobState.ABORTED} >= {job.state for job in org.jobs}


async def test_a_bad_row_behind_a_whole_part_writes_nothing():
    """A load that its end commits is written whole or not at all, however much of it was uploaded before."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData):
        await load(INSERT, org, b"LastName\n" + b"Curie\n" * 11, b"a,b\n", limits=PartLimits(1_000, 10))

    assert [] == org.written
    assert {JobState.ABORTED} >= {job.state for job in org.jobs}


async def test_a_load_that_the_day_has_no_room_for_is_refused():
    """Rows beyond the day's batches would be neither written nor told of, so none is sent."""
    org = FakeBulkOrg(batches=1)
    data = b"LastName\n" + b"Curie\n" * 10_001

    with pytest.raises(errors.AllocationExceeded, match="1 more bulk batches"):
        await load(INSERT, org, data)

    assert ["batches_left", "create_job", "batches_left", "abort"] == org.calls
