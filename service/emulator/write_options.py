"""What the headers of a call say about writing its rows."""

from collections.abc import Mapping
from dataclasses import dataclass

_DUPLICATES = "Sforce-Duplicate-Rule-Header"
_RECENT = "Sforce-Mru"
_ASSIGNMENT = "Sforce-Auto-Assign"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How rows are written beyond their values."""

    allow_duplicates: bool = False
    """Whether rules that only warn of duplicates let the row pass; rules that block never do."""
    include_record_details: bool = False
    """Whether the duplicates are shown with all their fields."""
    update_recent: bool = False
    """Whether the row becomes one that the user has used recently."""
    assignment: str = ""
    """Which assignment rule decides who owns the row: `TRUE` for the active one, `FALSE` for none, or an id; empty for
    what Salesforce does by itself."""
    api_version: str = "66.0"
    """Goes into the URLs of duplicates."""


PLAIN = WriteOptions()
"""What holds when no header says otherwise."""


def write_options(headers: Mapping[str, str], api_version: str) -> WriteOptions:
    """Read the headers of a call.

    `Sforce-Call-Options` is accepted without effect: an org has no namespace but the default one. Unknown options count
    as nothing.

    Args:
        headers: Keys compare without case.
        api_version: Of the call.

    Source: Salesforce REST API, "Headers".

    """
    if _DUPLICATES not in headers and _RECENT not in headers and _ASSIGNMENT not in headers:
        return PLAIN
    duplicates = _flags(headers.get(_DUPLICATES, ""))
    return WriteOptions(
        allow_duplicates="allowsave" in duplicates,
        include_record_details="includerecorddetails" in duplicates,
        update_recent="updatemru" in _flags(headers.get(_RECENT, "")),
        assignment=headers.get(_ASSIGNMENT, "").strip(),
        api_version=api_version,
    )


def _flags(header: str) -> set[str]:
    """Return the names, in lower case, of the options of a header that are true."""
    pairs = (part.partition("=") for part in header.replace(",", ";").split(";"))
    return {name.strip().lower() for name, _, value in pairs if value.strip().lower() == "true"}
