"""Record ids: 15 characters that tell case apart, or 18 that also do without (Salesforce Help, "Record ID")."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = 15
_BLOCK = 5


def to_18(record_id: str) -> str:
    """Return the 18-character form of an id.

    Args:
        record_id: 15 characters, or 18, which come back with the suffix that their first 15 demand.

    """
    short = record_id[:_SHORT]
    suffix = ""
    for start in range(0, _SHORT, _BLOCK):
        bits = sum(1 << bit for bit, char in enumerate(short[start : start + _BLOCK]) if "A" <= char <= "Z")
        suffix += _ALPHABET[bits]
    return short + suffix
