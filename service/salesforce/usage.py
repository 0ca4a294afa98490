"""The `Sforce-Limit-Info` header (Salesforce REST API, "Limit Info Header")."""

import re

from service.governor.base import Usage
from service.salesforce.transport.base import Response

_API_USAGE = re.compile(r"(?:^|[;\s])api-usage=(\d{1,12})/(\d{1,12})")


def usage_of(response: Response) -> Usage | None:
    """Return the org's API usage that an answer tells; None where it tells none."""
    match = _API_USAGE.search(response.headers.get("sforce-limit-info", ""))
    return Usage(int(match[1]), int(match[2])) if match else None
