"""Fixtures of the emulator's tests that need no socket."""

from collections.abc import Iterator

import pytest

from service.emulator.tenants import Tenant
from tests.support.emulation import ManualClock, make_tenant


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[Tenant]:
    """An org with its sessions, limits and jobs, without a server."""
    tenant = make_tenant(clock)
    yield tenant
    tenant.jobs.close()
    tenant.org.close()
