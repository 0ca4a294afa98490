"""How many of the org's API calls an answer says are used."""

import pytest

from service.governor.base import Usage
from service.salesforce.transport.base import Response
from service.salesforce.usage import usage_of


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", Usage(18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)", Usage(25, 5000)),
        ("per-app-api-usage=17/250(appName=a); api-usage=25/5000", Usage(25, 5000)),
        ("api-usage=5100/5000", Usage(5100, 5000)),
        ("per-app-api-usage=17/250(appName=a)", None),
        ("", None),
        ("api-usage=", None),
        ("api-usage=-5/5000", None),
        ("api-usage=5/-5000", None),
        ("api-usage=nan/5000", None),
        ("api-usage=1e3/5000", None),
        ("api-usage=5/0", None),
        ("api-usage=5/1e9", None),
        ("api-usage=5/5000.5", None),
        ("api-usage=5/1000000000000000", None),
        ("api-usage=1000000000000000/5000", None),
        ("api-usage=\u0665/\u0665\u0660\u0660\u0660", None),
    ],
)
def test_only_what_reads_as_usage_is_believed(header: str, usage: Usage | None):
    """A number cut short, or a maximum of nothing, would close the org to everyone for minutes."""
    assert usage == usage_of(Response(200, {"sforce-limit-info": header}, b""))
