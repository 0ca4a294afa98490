"""Who goes next among attempts that wait."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from service.context import Priority
from service.governor.fair_queue import FairQueue, Ticket

WEIGHTS = {"heavy": 4.0, "light": 0.5}


def make_queue() -> FairQueue[int]:
    return FairQueue(lambda caller: WEIGHTS.get(caller, 1.0))


def ticket(caller: str, number: int = 0, priority: Priority = Priority.STANDARD, cost: float = 1.0) -> Ticket[int]:
    return Ticket(priority, caller, cost, number)


def serve(queue: FairQueue[int], turns: int) -> list[Ticket[int]]:
    served = []
    for _ in range(turns):
        taken = queue.pop()
        assert taken is not None
        queue.charge(taken)
        served.append(taken)
    return served


def test_a_caller_is_served_in_its_own_order():
    """Those of one caller and class leave as they came."""
    queue = make_queue()
    for number in range(5):
        queue.push(ticket("a", number))

    assert [0, 1, 2, 3, 4] == [each.payload for each in serve(queue, 5)]
    assert queue.pop() is None


def test_callers_that_always_wait_are_served_by_their_weights():
    """Of 110 turns four parts go to one, one part to another and half a part to the third."""
    queue = make_queue()
    for caller in ("heavy", "plain", "light"):
        for number in range(200):
            queue.push(ticket(caller, number))

    served = Counter(each.caller for each in serve(queue, 110))

    assert {"heavy": 80, "plain": 20, "light": 10} == {key: round(count, -1) for key, count in served.items()}


def test_one_that_comes_late_does_not_wait_for_a_crowd():
    """A caller with one attempt goes before the hundreds of a busy one, but claims nothing for the time it was away."""
    queue = make_queue()
    for number in range(300):
        queue.push(ticket("busy", number))
    serve(queue, 100)
    for number in range(50):
        queue.push(ticket("late", number))

    served = [each.caller for each in serve(queue, 40)]

    assert "late" in served[:2]
    assert 19 <= served.count("late") <= 21


def test_a_dear_attempt_counts_for_what_it_costs():
    """A caller of attempts that cost four has a quarter of the turns."""
    queue = make_queue()
    for number in range(100):
        queue.push(ticket("dear", number, cost=4.0))
        queue.push(ticket("cheap", number))

    served = Counter(each.caller for each in serve(queue, 50))

    assert {"dear": 10, "cheap": 40} == dict(served)


def test_who_rides_along_pays():
    """An attempt's cost falls on those that it is charged to by their shares, not on the name it waits under."""
    queue = make_queue()
    for number in range(100):
        queue.push(Ticket(Priority.STANDARD, "a", 1.0, number, charged={"b": 1.0}))
        queue.push(ticket("b", number))

    served = [each.caller for each in serve(queue, 60)]

    assert served.count("a") > 55


def test_classes_go_by_priority_but_none_starves():
    """While more urgent ones wait each class has about every sixteenth turn."""
    queue = make_queue()
    for number in range(200):
        for priority in Priority:
            queue.push(ticket("a", number, priority))

    served = Counter(each.priority for each in serve(queue, 160))

    assert 9 <= served[Priority.STANDARD] <= 11
    assert 9 <= served[Priority.BATCH] <= 11


def test_classes_may_be_left_out():
    """Those less urgent than asked for have no turn."""
    queue = make_queue()
    queue.push(ticket("a", 1, Priority.BATCH))

    assert queue.pop(Priority.INTERACTIVE) is None
    assert 1 == len(queue)


def test_one_that_gave_up_costs_its_caller_nothing():
    """Tickets that are removed leave neither a turn nor a debt, and cannot be removed twice."""
    queue = make_queue()
    given_up = [ticket("a", number) for number in range(50)]
    for each in given_up:
        queue.push(each)
    removed = [queue.remove(each) for each in given_up]
    for number in range(10):
        queue.push(ticket("b", number))
        queue.push(ticket("a", 100 + number))

    served = Counter(each.caller for each in serve(queue, 10))

    assert all(removed)
    assert not queue.remove(given_up[0])
    assert {"a": 5, "b": 5} == dict(served)


def test_callers_that_come_and_go_leave_nothing_behind():
    """What the queue remembers of callers does not grow with their number."""
    queue = make_queue()
    for number in range(2_000):
        given_up = ticket(f"gone-{number}")
        queue.push(given_up)
        queue.remove(given_up)
        queue.push(ticket(f"served-{number}"))
        serve(queue, 1)
    fair = queue._classes[Priority.STANDARD]

    assert 0 == len(queue)
    assert len(fair._heap) < 200
    assert len(fair._finish) < 200


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from("abc"), st.sampled_from(list(Priority))),
        st.tuples(st.just("pop"), st.just(""), st.sampled_from(list(Priority))),
        st.tuples(st.just("remove"), st.integers(0, 30).map(str), st.just(Priority.BATCH)),
    ),
    max_size=60,
)


@given(steps)
def test_nothing_is_lost_or_served_twice(history):
    """Whatever comes, goes and gives up: each ticket leaves once, and the length tells how many are left."""
    queue = make_queue()
    waiting: list[Ticket[int]] = []
    for number, (step, name, priority) in enumerate(history):
        if step == "push":
            waiting.append(ticket(name, number, priority))
            queue.push(waiting[-1])
        elif step == "pop":
            taken = queue.pop(priority)
            allowed = [each for each in waiting if each.priority <= priority]
            assert (taken is None) == (not allowed)
            if taken is not None:
                queue.charge(taken)
                mates = [each for each in allowed if (each.caller, each.priority) == (taken.caller, taken.priority)]
                assert taken is mates[0]
                waiting.remove(taken)
        elif int(name) < len(waiting):
            assert queue.remove(waiting.pop(int(name)))
        assert len(waiting) == len(queue)
        assert [queue.waiting(each) for each in Priority] == [
            sum(other.priority is each for other in waiting) for each in Priority
        ]
