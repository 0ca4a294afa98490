"""What a load may be asked for."""

import pytest

from service import errors
from service.bulk.request import LoadRequest, Operation


def test_an_upsert_needs_its_field():
    """An external-id field belongs to an upsert and to nothing else."""
    for operation, field in ((Operation.UPSERT, ""), (Operation.INSERT, "Ext__c")):
        with pytest.raises(errors.InvalidRequest, match="external_id_field"):
            LoadRequest("Lead", operation, field)
