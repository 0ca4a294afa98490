"""How large the numbers of the tests are: SLUICEGATE_TEST_SCALE, 1 unless it is set."""

import os

SCALE = int(os.environ.get("SLUICEGATE_TEST_SCALE", "1"))


def examples(most: int) -> int:
    """Return with how many examples a rule is tried.

    Args:
        most: How many there are in a long run; every run tries a third of them.

    """
    return most if SCALE > 1 else -(-most // 3)
