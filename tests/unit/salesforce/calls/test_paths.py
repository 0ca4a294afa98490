"""External ids in paths."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.salesforce.calls.paths import is_segment, segment


@given(st.text(min_size=1, max_size=255))
def test_any_value_is_one_segment(value):
    """Whatever an external id holds, it is one segment of the path and reads back as it was."""
    if not is_segment(value):
        return

    url = urlsplit(f"/sobjects/Lead/Ext__c/{segment(value)}?fields=Id")

    assert ("fields=Id", "") == (url.query, url.fragment)
    assert ["", "sobjects", "Lead", "Ext__c", value] == [unquote(part) for part in url.path.split("/")]


@pytest.mark.parametrize("value", [".", ".."])
def test_steps_are_refused(value):
    """A step up or down the path would reach another resource, so it is refused under the field's name."""
    with pytest.raises(InvalidRequest) as raised:
        segment(value, "record.external_id.value")

    assert not is_segment(value)
    assert ["record.external_id.value"] == [violation.field for violation in raised.value.violations]
