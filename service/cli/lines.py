"""Texts of others as a terminal shows them in a line."""

import unicodedata

_JOINERS = "\u200c\u200d"
"""Invisible and part of what they join, as in emoji of several people."""
_SHOWN = {"\n": "⏎", "\r": "", "\t": " "}


def to_line(text: str) -> str:
    """Return a text as a terminal shows it in one line: without what would move its cursor or turn its direction."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if unicodedata.category(character) == "Cf":
        return ""
    return _SHOWN.get(character, " " if character.isspace() else "?")
