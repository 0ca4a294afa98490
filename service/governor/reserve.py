"""The last fifth of what callers hold together: left to those that hold little of it.

Whoever takes all there is would else leave none to everyone else. A caller that holds less than a fifth always finds
some, unless many of them hold everything together.
"""

_PARTS = 5
"""One part in so many is left."""


def is_free(held: int, of_caller: int, more: int, most: int) -> bool:
    """Tell whether a caller may hold more. One that holds nothing may take whatever nobody holds.

    Args:
        held: What all callers hold.
        of_caller: What this one does.
        more: What it wants besides.
        most: What there is.

    """
    reserve = most // _PARTS
    return held + more <= most and (not of_caller or held + more <= most - reserve or of_caller + more <= reserve)
