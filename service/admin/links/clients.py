"""Who asks the link server, and how often: a bucket for each address, refilled as time passes.

An IPv6 client has a whole network of 64 bits, so that network counts as one address. One who rents a site has 65,536
of those, so all of a site share a wider bucket as well.

Source: Microsoft, "Rewrite HTTP headers with Azure Application Gateway" (addresses with ports).
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from service.clock import Clock

MOST_ADDRESSES = 65_536
"""Addresses that are remembered, some 10 MB; the one that asked longest ago is forgotten first."""

_MOST_HOPS = 16
"""Entries of `X-Forwarded-For` that are looked at, the last first: those before them a client may have written."""
_LONGEST_ENTRY = 64
_WITH_PORT = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")
"""An entry as some proxies write it, with the client's port."""
_IPV6_BITS = 64
_SITE_BITS = 48
SITE_CLIENTS = 16
"""For how many clients the network of an IPv6 site may ask."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Clients:
    """Tells from which address a request came, past the proxies that are trusted to tell.

    Args:
        trusted: Networks of proxies whose `X-Forwarded-For` is believed.

    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def address(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address that counts as the client's; that of the peer where nobody else is believed.

        Args:
            peer: Address of the other end of the connection.
            forwarded: The values of `X-Forwarded-For`. Each proxy appends the address of its own peer, so they are read
                from the end for as long as the one who wrote an entry is trusted.

        """
        found = _parsed(peer)
        if found is None:
            return peer
        entries = ",".join(forwarded).split(",")[-_MOST_HOPS:] if self._is_trusted(found) else []
        for entry in reversed(entries):
            told = _told(entry.strip())
            if told is None:
                break
            found = told
            if not self._is_trusted(found):
                break
        return _key(found)

    def believes(self, peer: str) -> bool:
        """Tell whether a peer is a proxy that is trusted."""
        found = _parsed(peer)
        return found is not None and self._is_trusted(found)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one client may ask."""

    per_second: float
    """In the long run; 0 for as often as it likes."""
    burst: int
    """How many requests at once."""


class Limit:
    """Counts requests of each client, in memory that is bounded.

    Args:
        rate: How often one may ask.
        clock: Tells the time.
        most: Addresses that are remembered.

    """

    def __init__(self, rate: Rate, clock: Clock, *, most: int = MOST_ADDRESSES) -> None:
        self._rate = rate
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each one's bucket will be full again; who is not there has a full one."""

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._full_at)

    def take(self, address: str) -> float | None:
        """Count a request; return in how many seconds the next one is allowed if this one is not, and count nothing.

        Args:
            address: Whose it is.

        """
        if not self._rate.per_second:
            return None
        now = self._clock.monotonic()
        cost = 1 / self._rate.per_second
        full_at = max(now, self._full_at.get(address, now)) + cost
        wait = full_at - now - self._rate.burst * cost
        # Of sums of floats the last digits may differ.
        if wait > cost * 1e-6:
            self._full_at.move_to_end(address)
            return wait
        self._full_at[address] = full_at
        self._full_at.move_to_end(address)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return None


class ClientLimit:
    """Counts requests of each client, and those of each IPv6 site together.

    Args:
        rate: How often one client may ask.
        clock: Tells the time.

    """

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._own = Limit(rate, clock)
        self._of_site = Limit(Rate(rate.per_second * SITE_CLIENTS, rate.burst * SITE_CLIENTS), clock)

    def take(self, address: str) -> float | None:
        """Count a request; return in how many seconds the next one is allowed if this one is not.

        Args:
            address: What `Clients.address` returned.

        """
        wait = self._own.take(address)
        if wait is not None or ":" not in address:
            return wait
        found = _parsed(address)
        return None if found is None else self._of_site.take(_key(found, _SITE_BITS))


def _told(entry: str) -> Address | None:
    """Return the address of an entry, which may have a port."""
    with_port = _WITH_PORT.fullmatch(entry)
    return _parsed(entry if with_port is None else with_port[1] or with_port[2])


def _parsed(text: str) -> Address | None:
    """Return an address; an IPv4 one in IPv6's clothes as itself."""
    if len(text) > _LONGEST_ENTRY:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _key(address: Address, bits: int = _IPV6_BITS) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), bits), strict=False).network_address)
