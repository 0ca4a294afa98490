"""What every JSON answer of Salesforce is held to, so that a broken or hostile one is refused where it is read."""

from typing import Annotated

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not the JSON asked for: text in another encoding and endless nesting are
not among msgspec's own errors."""

RecordId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")]
"""An id, which goes into paths and links: nothing but its 15 or 18 characters."""

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A number that the contract has 32 bits for."""

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that the contract has 64 bits for."""
