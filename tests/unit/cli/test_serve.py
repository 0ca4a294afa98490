"""What `sluicegate serve` prints."""

import json

import pytest

from service.app import Addresses
from service.cli.serve import _human_text, _machine_text

LINKS = "http://127.0.0.1:8070"
EMBEDDED = Addresses("127.0.0.1:50051", "http://127.0.0.1:8080", LINKS, "http://127.0.0.1:8090", "emulator")
CONFIGURED = Addresses("127.0.0.1:50051", "http://127.0.0.1:8080", LINKS, None, "prod")
WITHOUT_DEFAULT = Addresses("127.0.0.1:50051", "http://127.0.0.1:8080", None, None, "")


@pytest.mark.parametrize("addresses", [EMBEDDED, CONFIGURED, WITHOUT_DEFAULT])
def test_a_person_reads_it_in_a_narrow_terminal(addresses, monkeypatch):
    """Every line fits into 80 columns and the addresses are there."""
    monkeypatch.setattr("sys.argv", [".venv/bin/sluicegate"])

    text = _human_text(addresses)

    assert max(map(len, text.splitlines())) <= 80
    assert addresses.grpc in text
    assert f"{addresses.admin}/healthz/ready" in text
    assert (addresses.links is not None) == (f"{LINKS}/l" in text)


def test_the_example_is_a_request():
    """What a person is told to try is JSON that the call takes."""
    example = _human_text(EMBEDDED).split("'")[1]

    assert {"object", "externalId", "fields"} == set(json.loads(example))
    assert "call --target" not in _human_text(CONFIGURED)


def test_a_program_reads_one_line():
    """The JSON stands alone on its line."""
    text = _machine_text(EMBEDDED)

    assert 1 == len(text.splitlines())
    assert "127.0.0.1:50051" == json.loads(text)["grpc"]
