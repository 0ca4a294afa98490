"""Resume tokens: what is written is read back, and nothing else is."""

import hmac
from base64 import urlsafe_b64encode

import msgspec
import pytest

from service import errors
from service.bulk.token import LoadToken, TokenSigner
from service.settings.signed_text import TextSigner
from service.settings.signing_key import SigningKey

OLD_KEY = SigningKey("2025", b"o" * 32)
NEW_KEY = SigningKey("2026", b"n" * 32)
SIGNER = TokenSigner((NEW_KEY, OLD_KEY))
TOKEN = LoadToken("main", "750000000000001AAA", "Lead", "upsert", "Ext__c", 0, 1_800_000_000)


def test_a_token_comes_back():
    """A token says what was written into it, to any replica with the key."""
    read = TokenSigner((NEW_KEY,)).read(SIGNER.write(TOKEN), org="main")

    assert read == TOKEN


def test_an_old_key_still_verifies():
    """After a change of keys the tokens of the key before still work."""
    read = SIGNER.read(TokenSigner((OLD_KEY,)).write(TOKEN), org="main")

    assert read == TOKEN


def test_every_single_byte_is_guarded():
    """Each character, set to every other ASCII value, breaks the token."""
    text = SIGNER.write(TOKEN)
    accepted = []

    for position, character in enumerate(text):
        for code in range(128):
            if chr(code) == character:
                continue
            try:
                SIGNER.read(text[:position] + chr(code) + text[position + 1 :], org="main")
            except errors.InvalidToken:
                continue
            accepted.append((position, code))

    assert accepted == []


@pytest.mark.parametrize("text", ["", "1", "1.2026.e30", "x" * 5000, "1.2026..", "1.ä.e30.AA", "\ud800"])
def test_what_is_no_token_is_refused(text):
    """Any text is refused by the same error, with the field of the request."""
    with pytest.raises(errors.InvalidToken) as caught:
        SIGNER.read(text, org="main")

    assert caught.value.violations[0].field == "resume_token"


def test_another_org_is_refused():
    """A token tells nothing about a load of another org."""
    with pytest.raises(errors.InvalidToken, match="another org"):
        SIGNER.read(SIGNER.write(TOKEN), org="sandbox")


def test_a_key_of_another_service_is_refused():
    """A signature by an unknown key is worth nothing."""
    with pytest.raises(errors.InvalidToken):
        SIGNER.read(TokenSigner((SigningKey("2026", b"x" * 32),)).write(TOKEN), org="main")


def test_a_signature_made_for_something_else_is_refused():
    """The same secret may sign other things; such a signature does not make a token."""
    signed = SIGNER.write(TOKEN).rpartition(".")[0]
    digest = hmac.digest(NEW_KEY.secret, signed.encode(), "sha256")
    signature = urlsafe_b64encode(digest).rstrip(b"=").decode()

    with pytest.raises(errors.InvalidToken):
        SIGNER.read(f"{signed}.{signature}", org="main")


def test_a_token_of_another_version_is_refused():
    """A payload that is signed and has another shape is an invalid token, not a failure of the service."""
    signer = TextSigner((NEW_KEY,), purpose="sluicegate bulk load\n", giver="BulkLoad")

    with pytest.raises(errors.InvalidToken, match="another version"):
        SIGNER.read(signer.write(msgspec.json.encode({"org": "main"})), org="main")


def test_a_token_of_before_is_read():
    """What was given out before other calls had tokens, too, is still taken."""
    text = (
        "1.2026.eyJvcmciOiJtYWluIiwiam9iX2lkIjoiNzUwMDAwMDAwMDAwMDAxQUFBIiwib2JqZWN0IjoiTGVhZCIsIm9wZXJhdGlvb"
        "iI6InVwc2VydCIsImV4dGVybmFsX2lkX2ZpZWxkIjoiRXh0X19jIiwicm93cyI6MCwiY3JlYXRlZCI6MTgwMDAwMDAwMH0.YjLTv"
        "65xiYSEr4N5t8t14RyfJZaaHC4moihjG9L9EQo"
    )

    assert TOKEN == SIGNER.read(text, org="main")


def test_a_token_fits_its_field():
    """The longest names a contract allows make a token that a request can carry."""
    longest = LoadToken("o" * 63, "7" * 18, "O" * 80, "upsert", "f" * 80, 4_000_000, 9_999_999_999)

    assert len(SIGNER.write(longest)) < 4096


@pytest.mark.parametrize("keys", [(), (NEW_KEY, NEW_KEY)])
def test_keys_must_be_told_apart(keys):
    """Without a key, or with two of one id, no signer starts."""
    with pytest.raises(ValueError, match="token keys"):
        TokenSigner(keys)


def test_secrets_stay_out_of_repr():
    """Printing a key shows no secret."""
    assert "nnnn" not in repr(NEW_KEY)
