"""Salesforce's errors as ours, translated in this one place.

Source: Salesforce REST API, "Status Codes and Error Responses". From the answer inwards: `responses` by status, `codes`
by error code, `meanings` and `forms` what a code becomes, `words` and `problems` what is told of it, `fault` how it is
read.
"""

from service.salesforce.faults.codes import from_fault
from service.salesforce.faults.fault import Fault, read, read_all
from service.salesforce.faults.responses import (
    from_faults,
    from_response,
    is_dead_session,
    is_outage,
    is_throttled,
    may_have_run,
)

__all__ = [
    "Fault",
    "from_fault",
    "from_faults",
    "from_response",
    "is_dead_session",
    "is_outage",
    "is_throttled",
    "may_have_run",
    "read",
    "read_all",
]
