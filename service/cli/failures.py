"""A call that failed, as commands print it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluicegate.errors import SluicegateError

from service.cli.lines import to_line


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


def tell(error: SluicegateError, target: str) -> str:
    """Return what is known of a failure, as lines for people; `target` is where the service was called."""
    return "\n".join((headline(error), *remedies(error, target)))


def report(error: SluicegateError, target: str, *, as_json: bool) -> str:
    """Return a failure in the form that was asked for: as `explain` or as `tell` does."""
    return explain(error) if as_json else tell(error, target)


def headline(error: SluicegateError) -> str:
    """Return what a failure is, in a line for people."""
    return f"sluicegate: {error.reason or error.code}: {to_line(error.message)}"


def remedies(error: SluicegateError, target: str) -> Iterator[str]:
    """Yield the lines below the headline: the fields at fault that it does not tell, and what would help.

    Args:
        error: The failure.
        target: Where the service was called.

    """
    for violation in error.violations:
        if violation.description not in error.message:
            yield f"  {to_line(violation.field)}: {to_line(violation.description)}"
    if error.retry_after_seconds is not None:
        yield f"  come back in {error.retry_after_seconds:,.0f} s"
    if error.code == "UNAVAILABLE" and not error.reason:
        yield f"  is a service running at {target}? --target names another place"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError tell which file it is about: that of a disk that is full does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def words(error: OSError | ValueError) -> str:
    """Return what is wrong with a file, or with what it holds, without numbers that only programs know."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
