"""What the shared store is told later."""

from service.request_ids.arrears import Arrears
from service.request_ids.store import Ticket
from tests.support.clock import FakeClock
from tests.support.shared_store import StoreInMemory

MOST = 10_000


async def test_no_more_is_owed_than_memory_is_meant_to_hold():
    """A store that stays away costs the oldest entries, not the process."""
    clock = FakeClock()
    store = StoreInMemory(clock)
    arrears = Arrears(store, clock, lambda _job: None)
    for number in range(MOST + 2):
        arrears.owe(Ticket(str(number), b"d", "owner"), b"answer")

    owed = len(arrears)
    await arrears.try_all()

    assert MOST == owed
    assert {str(number) for number in range(2, MOST + 2)} == set(store.entries)
