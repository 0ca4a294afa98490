"""Which address a request counts for, and how many may come from one."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admin.links.clients import SITE_CLIENTS, ClientLimit, Clients, Limit, Rate
from tests.support.clock import FakeClock

TRUSTED = Clients([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.9, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.9", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["10.4.4.4"], "10.4.4.4"),
        ("10.1.2.3", ["192.0.2.9, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["198.51.100.1, "], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.9, 198.51.100.1:4711, 10.9.9.9:80"], "198.51.100.1"),
        ("10.1.2.3", ["[2001:db8:1:2:3:4:5:6]:4711"], "2001:db8:1:2::"),
        ("10.1.2.3", ["[2001:db8:1:2:3:4:5:6]"], "2001:db8:1:2::"),
        ("10.1.2.3", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
        ("10.1.2.3", ["198.51.100.1:x"], "10.1.2.3"),
        ("10.1.2.3", ["[198.51.100.1"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1:4711:1"], "10.1.2.3"),
        ("10.1.2.3", ["1" * 10_000], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1" + ", 10.9.9.9" * 15], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1" + ", 10.9.9.9" * 16], "10.9.9.9"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_whose_a_request_is(peer, forwarded, address):
    """Only proxies that are trusted are believed, each for what it saw itself; IPv6 counts by network."""
    assert address == TRUSTED.address(peer, forwarded)


@given(
    peer=st.ip_addresses().filter(lambda found: not TRUSTED.believes(str(found))),
    forwarded=st.lists(st.text(max_size=60) | st.ip_addresses().map(str), max_size=5),
)
def test_a_stranger_chooses_no_address(peer, forwarded):
    """Whatever a client writes into the header, it counts for its own address."""
    assert TRUSTED.address(str(peer), []) == TRUSTED.address(str(peer), forwarded)


@given(spoofed=st.lists(st.text(max_size=60) | st.ip_addresses().map(str), max_size=30))
def test_what_stands_before_the_proxys_own_entry_counts_for_nothing(spoofed):
    """A proxy appends: the client's own entries come first."""
    assert "198.51.100.1" == TRUSTED.address("10.0.0.1", [", ".join(spoofed), "198.51.100.1"])


def test_a_burst_and_then_so_many_a_second():
    """Beyond its burst a client waits for the next one, and others do not."""
    clock = FakeClock()
    limit = Limit(Rate(2.0, 3), clock)

    burst = [limit.take("a") for _ in range(4)]
    other = limit.take("b")
    clock.advance(0.5)
    later = [limit.take("a") for _ in range(2)]
    clock.advance(100)
    rested = [limit.take("a") for _ in range(4)]

    assert [None, None, None, 0.5] == burst
    assert other is None
    assert [None, 0.5] == later
    assert [None, None, None, 0.5] == rested


def test_a_client_that_is_refused_does_not_wait_longer_for_it():
    """Refused requests cost nothing, so that whoever keeps asking comes through at the rate."""
    clock = FakeClock()
    limit = Limit(Rate(1.0, 1), clock)
    taken = 0

    for _ in range(1000):
        taken += limit.take("a") is None
        clock.advance(0.01)

    assert taken in {10, 11}


def test_no_rate_is_no_limit():
    """Nothing is counted then."""
    limit = Limit(Rate(0, 1), FakeClock())

    assert [None] * 1000 == [limit.take("a") for _ in range(1000)]
    assert 0 == len(limit)


def test_memory_is_bounded():
    """The address that asked longest ago is forgotten first; one that keeps asking stays."""
    limit = Limit(Rate(0.001, 1), FakeClock(), most=10)
    limit.take("a")

    for number in range(1000):
        limit.take(str(number))
        assert limit.take("a") is not None

    assert 10 == len(limit)


def test_one_who_has_many_networks_has_no_more_than_a_few_clients():
    """Whoever rents an IPv6 site changes the network with each request; sites and IPv4 clients are apart."""
    limit = ClientLimit(Rate(1.0, 2), FakeClock())
    addresses = [Clients([]).address(f"2001:db8:1:{number:x}::1", []) for number in range(1_000)]

    taken = sum(limit.take(address) is None for address in addresses)
    others = [limit.take(address) for address in ("2001:db8:2::", "198.51.100.1", "198.51.100.2", "")]

    assert 2 * SITE_CLIENTS == taken
    assert [None] * 4 == others


def test_a_client_of_a_site_has_no_more_than_its_own():
    """The wider bucket is for the others."""
    limit = ClientLimit(Rate(1.0, 2), FakeClock())

    assert [None, None, 1.0] == [limit.take("2001:db8:1:2::") for _ in range(3)]
    assert limit.take("2001:db8:1:3::") is None
