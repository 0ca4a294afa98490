"""What Salesforce tells of its jobs."""

import pytest

from service import errors
from service.bulk.job import JobState


def test_an_unknown_state_is_a_protocol_error():
    """A state that is not documented is not taken for one that is."""
    assert JobState.named("InProgress") is JobState.PROCESSING
    with pytest.raises(errors.UpstreamProtocolError):
        JobState.named("Paused")
