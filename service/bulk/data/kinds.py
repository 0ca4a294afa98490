"""What data is that is no text in UTF-8, told by its first bytes, and what makes text of it.

Sources: PKWARE's APPNOTE.TXT, 4.3.7 (zip, which .xlsx is: ECMA-376 part 2); Microsoft's [MS-CFB], 2.2 (.xls);
RFC 1952, 2.3.1 (gzip); the Unicode Standard, 23.8 (byte order marks).
"""

_SAVE = "save it as CSV UTF-8"
_KINDS = (
    (b"PK\x03\x04", f"a zip file, as Excel workbooks (.xlsx) are; {_SAVE}"),
    (b"\xd0\xcf\x11\xe0", f"an old Excel workbook (.xls); {_SAVE}"),
    (b"\x1f\x8b", "compressed by gzip; unpack it"),
    (b"\xff\xfe", "UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16; save it as UTF-8"),
)


def other_kind(begin: bytes) -> str:
    """Return what data is instead of text, and what to do, for people; empty if nothing speaks against text.

    Args:
        begin: Its first bytes.

    """
    return next((words for magic, words in _KINDS if begin.startswith(magic)), "")
