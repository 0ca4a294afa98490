"""How often something that goes on happening is told."""

from service.telemetry.intervals import Intervals


def test_each_subject_is_told_of_now_and_again():
    """At once, and once more when the time is over."""
    intervals = Intervals(10)

    told = [intervals.begins(subject, now) for now in (0, 0, 9.9, 10, 11) for subject in ("a", "b")]

    assert [True, True, False, False, False, False, True, True, False, False] == told
