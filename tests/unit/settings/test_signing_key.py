"""Signing keys."""

import pytest

from service.settings.signing_key import SigningKey


def test_a_short_secret_is_refused():
    """A secret that could be guessed signs nothing."""
    with pytest.raises(ValueError, match="signing key a must have at least 32 bytes"):
        SigningKey("a", b"k" * 31)


@pytest.mark.parametrize("key_id", ["", "a b", "a.b", "a" * 33])
def test_a_strange_id_is_refused(key_id):
    """A key's id must fit into a token and a link as it is."""
    with pytest.raises(ValueError, match="id of a signing key"):
        SigningKey(key_id, b"k" * 32)
