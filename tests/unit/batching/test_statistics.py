"""What lanes note of the records that they hold."""

from service.batching.statistics import Held, Totals


def test_callers_that_hold_nothing_are_forgotten() -> None:
    """Their names are their own choice, and there may be any number of them."""
    totals = Totals()
    for number in range(100):
        totals.hold(f"caller-{number}", 7)
    totals.hold("caller-0", 5)
    for number in range(100):
        totals.let_go(f"caller-{number}", 7)

    assert {"caller-0": Held(1, 5)} == totals.held_by
    assert (1, 5) == (totals.held_records, totals.held_bytes)
