"""The `Sforce-Limit-Info` header (Salesforce REST API, "Limit Info Header")."""

import re

from service.governor.base import Usage
from service.salesforce.transport.base import Response

_API_USAGE = re.compile(r"(?:^|[;\s])api-usage=([0-9]{1,12})/0*([1-9][0-9]{0,11})(?![^;,\s])")


def usage_of(response: Response) -> Usage | None:
    """Return the org's API usage that an answer tells; None where it tells none.

    A maximum of nothing is none: the answer to a call is proof of one.
    """
    match = _API_USAGE.search(response.headers.get("sforce-limit-info", ""))
    return Usage(int(match[1]), int(match[2])) if match else None
