"""Callers take turns: nobody waits behind another's thousands."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from service.batching.caller_lines import CallerLines
from service.batching.item import Item, Single, State
from service.salesforce.calls.writes import Operation, Row, Write
from tests.support.clock import FakeClock
from tests.support.transport import call


def item(caller: str, number: int = 0, weight: int = 1) -> Item:
    row = Row(Write(Operation.CREATE, "Lead"), f"{caller}{number}", 0)
    context = replace(call(FakeClock()), caller=caller)
    return Item(row, "", (), context, 0.0, Single.__new__(Single), weight=weight, queued_at=float(number))


def taken(turns: CallerLines, count: int) -> list[str]:
    return [turns.pop().row.sobject for _ in range(count)]


def test_one_caller_is_served_in_its_order() -> None:
    """First in, first out."""
    turns = CallerLines()
    for number in range(5):
        turns.push(item("a", number))

    assert ["a0", "a1", "a2", "a3", "a4"] == taken(turns, 5)


def test_a_caller_with_thousands_lets_others_in_between() -> None:
    """Whoever comes later with little is served at once."""
    turns = CallerLines()
    for number in range(1_000):
        turns.push(item("a", number))
    for number in range(3):
        turns.push(item("b", number))

    assert Counter("aaabbb") == Counter(name[0] for name in taken(turns, 6))


def test_a_weight_is_the_length_of_a_turn() -> None:
    """Twice the weight, twice the records."""
    turns = CallerLines()
    for number in range(30):
        turns.push(item("a", number, weight=2))
        turns.push(item("b", number))

    assert {"a": 20, "b": 10} == dict(Counter(name[0] for name in taken(turns, 30)))


def test_what_comes_back_is_served_before_what_came_later() -> None:
    """Items that were kept waiting keep their place among those of their caller."""
    turns = CallerLines()
    turns.push(item("a", 2))
    turns.push_front([item("a", 0), item("a", 1)])

    assert ["a0", "a1", "a2"] == taken(turns, 3)


def test_the_oldest_is_found_in_any_line() -> None:
    """A caller whose turn is far off still counts."""
    turns = CallerLines()
    turns.push(item("a", 5))
    turns.push(item("b", 3))

    assert 3.0 == turns.oldest()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.booleans()), max_size=60))
def test_nothing_is_lost_doubled_or_overtaken_within_a_caller(steps: list[tuple[str, int, bool]]) -> None:
    """Whatever is pushed and popped between, each caller's items come out once and in their order."""
    turns, out, pushed = CallerLines(), [], Counter[str]()
    for caller, weight, pop in steps:
        turns.push(item(caller, pushed[caller], weight))
        pushed[caller] += 1
        if pop:
            first = turns.peek()
            out.append(turns.pop())
            assert first is out[-1]
    assert len(turns) == len(list(turns))
    out += [turns.pop() for _ in range(len(turns))]

    for caller, count in pushed.items():
        mine = [each.queued_at for each in out if each.context.caller == caller]
        assert [float(number) for number in range(count)] == mine


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30), st.integers(0, 30))
def test_a_sweep_forgets_who_has_gone_and_nobody_else(steps, taken_before):
    """The turns of the others are as they would have been without those that left."""
    swept, whole, gone = CallerLines(), CallerLines(), set()
    for number, (caller, leaves) in enumerate(steps):
        for turns in (swept, whole):
            turns.push(item(caller, number, weight=2))
        if leaves:
            gone.add(f"{caller}{number}")
    before = [turns.pop().row.sobject for turns in (swept, whole) for _ in range(min(taken_before, len(steps)))]
    for each in swept:
        if each.row.sobject in gone:
            each.state = State.DONE

    swept.sweep()

    left = {each.row.sobject for each in whole} - gone
    assert len(left) == len(swept)
    assert left == {*taken(swept, len(swept))}
    assert not left & {*before}
    assert not swept


def test_a_turn_that_a_sweep_ends_gives_nobody_elses_away():
    """The next caller has its own turn, not what was left of that of the caller who went."""
    turns = CallerLines()
    going = [item("a", number, weight=3) for number in range(3)]
    for each in (*going, *(item("b", number) for number in range(3)), item("c", 0)):
        turns.push(each)
    turns.pop()
    for each in going:
        each.state = State.DONE

    turns.sweep()

    assert ["b0", "c0", "b1", "b2"] == taken(turns, len(turns))
