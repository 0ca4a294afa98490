"""Devices that wait for their users."""

import pytest

from service.emulator.oauth.devices import INTERVAL_SECONDS, LIFE_SECONDS, Devices
from service.emulator.oauth.faults import OAuthFault


@pytest.fixture
def devices(clock):
    """Nobody waits yet."""
    return Devices(clock)


def refusal(devices: Devices, code: str, client_id: str = "app") -> str:
    with pytest.raises(OAuthFault) as caught:
        devices.poll(code, client_id)
    return caught.value.error


def test_waiting_and_approval(devices, clock):
    """A device is told to wait until its user approved, and gets its answer once."""
    request = devices.begin("00D", "app", "api")
    assert refusal(devices, request.device_code) == "authorization_pending"
    clock.passed += INTERVAL_SECONDS
    found = devices.of_user_code(f" {request.user_code[:4].lower()} {request.user_code[4:]}")
    assert found is request
    found.user_id = "005"

    assert devices.poll(request.device_code, "app") is request

    clock.passed += INTERVAL_SECONDS
    assert refusal(devices, request.device_code) == "invalid_grant"


def test_asking_too_often(devices, clock):
    """A device that does not keep the interval is slowed down, even when it has been approved."""
    request = devices.begin("00D", "app", "api")
    refusal(devices, request.device_code)
    request.user_id = "005"
    clock.passed += INTERVAL_SECONDS - 0.1

    assert refusal(devices, request.device_code) == "slow_down"

    clock.passed += INTERVAL_SECONDS
    assert devices.poll(request.device_code, "app")


def test_denial(devices):
    """A device whose user said no is told so, and its code is no longer offered."""
    request = devices.begin("00D", "app", "api")
    request.denied = True

    assert refusal(devices, request.device_code) == "access_denied"
    assert devices.of_user_code(request.user_code) is None


def test_codes_end(devices, clock):
    """After ten minutes neither code works."""
    request = devices.begin("00D", "app", "api")
    clock.passed += LIFE_SECONDS

    assert devices.of_user_code(request.user_code) is None
    assert refusal(devices, request.device_code) == "invalid_grant"


def test_another_apps_device(devices):
    """A device code serves only the app it was issued to."""
    request = devices.begin("00D", "app", "api")
    request.user_id = "005"

    assert refusal(devices, request.device_code, "other") == "invalid_grant"


def test_devices_do_not_pile_up(devices, clock):
    """Devices whose time is over are forgotten when others come."""
    for _ in range(50):
        devices.begin("00D", "app", "api")
        clock.passed += LIFE_SECONDS

    assert len(devices._waiting) == 1
