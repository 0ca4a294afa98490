"""A call that failed, as commands print it."""

import json

from sluicegate.errors import SluicegateError


def explain(error: SluicegateError) -> str:
    """Return everything that is known of a failure, as JSON; what is empty is left out."""
    facts = {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "violations": {violation.field: violation.description for violation in error.violations},
        "retry_after_seconds": error.retry_after_seconds,
    }
    return json.dumps({name: value for name, value in facts.items() if value}, indent=2, ensure_ascii=False)
