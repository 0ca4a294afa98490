"""Resume tokens: what is written is read back, and nothing else is."""

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64encode

import msgspec
import pytest

from service import errors
from service.bulk.token import MAX_LOAD_TOKEN_LENGTH, LoadToken, PartEntry, TokenSigner
from service.settings.signed_text import TextSigner
from service.settings.signing_key import SigningKey

OLD_KEY = SigningKey("2025", b"o" * 32)
NEW_KEY = SigningKey("2026", b"n" * 32)
SIGNER = TokenSigner((NEW_KEY, OLD_KEY))
TOKEN = LoadToken(
    org="main",
    load_id="0123456789abcdef",
    object="Lead",
    operation="upsert",
    commit="by_part",
    header=b"12345678",
    key_field="Ext__c",
    created=1_800_000_000,
    part_bytes=100_000_000,
    part_rows=1_000_000,
    header_bytes=20,
    has_ended=False,
    parts=(
        PartEntry(500, 10_020, b"abcdefgh", ("750000000000001AAA",), 500, "JobComplete", (400, 99, 0, 1, 0)),
        PartEntry(500, 20_020, b"ijklmnop", ("750000000000002AAA",), 500),
    ),
    header_digest=b"qrstuvwx",
)


def test_tokens_without_a_headers_digest_are_read():
    """A load that a replica of the release before began goes on."""
    signer = TextSigner((NEW_KEY,), purpose="sluicegate bulk load\n", giver="BulkLoad", longest=MAX_LOAD_TOKEN_LENGTH)
    former = msgspec.msgpack.decode(msgspec.msgpack.encode(TOKEN))[:-1]

    read = SIGNER.read(signer.write(zlib.compress(msgspec.msgpack.encode(former))), org="main")

    assert read == msgspec.structs.replace(TOKEN, header_digest=b"")


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


@pytest.mark.parametrize("text", ["", "1", "1.2026.e30", "x" * 70_000, "1.2026..", "1.ä.e30.AA", "\ud800"])
def test_what_is_no_token_is_refused(text):
    """Any text is refused by the same error, with the field of the request."""
    with pytest.raises(errors.InvalidToken) as caught:
        SIGNER.read(text, org="main")

    assert caught.value.violations[0].field == "resume_token"


@pytest.mark.parametrize("key", [SigningKey("2026", b"x" * 32), SigningKey("other", b"n" * 32)])
def test_a_token_of_other_keys_names_the_setting(key):
    """A service that was restarted without configured keys refuses its own tokens, and says what they lack."""
    text = TokenSigner((key,)).write(TOKEN)

    with pytest.raises(errors.InvalidToken, match="to a service with the same `token_keys`"):
        SIGNER.read(text, org="main")


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

    token = SIGNER.read(text, org="main")

    assert ("Lead", "upsert", "at_end", 1_800_000_000) == (token.object, token.operation, token.commit, token.created)
    assert (PartEntry(0, 0, b"", ("750000000000001AAA",)),) == token.parts


def entry(number):
    """Return a part like no other."""
    digest = hashlib.sha256(str(number).encode()).digest()
    counts = (number * 7919 % 1_000_000, number, 0, number * 31 % 1000, 0)
    job = f"7505f0000{digest.hex()[:6]}AAM"
    return PartEntry(1_000_000 - number, number * 99_999_989, digest[:8], (job,), 1_000_000 - number, "Failed", counts)


def test_a_token_takes_a_thousand_parts():
    """A hundred gigabytes of the longest names fit in what a request can carry."""
    token = msgspec.structs.replace(
        TOKEN, org="o" * 63, object="O" * 80, key_field="f" * 161, parts=tuple(entry(n) for n in range(1000))
    )

    text = SIGNER.write(token)

    assert len(text) < MAX_LOAD_TOKEN_LENGTH
    assert token == SIGNER.read(text, org="o" * 63)


def test_a_load_of_too_many_parts_is_refused():
    """What no token could carry is told while the load is sent, not when it is to be gone on with."""
    token = msgspec.structs.replace(TOKEN, parts=tuple(entry(n) for n in range(3000)))

    with pytest.raises(errors.MessageTooLarge, match="2,999 parts"):
        SIGNER.write(token)


def test_a_payload_that_swells_is_refused():
    """Nobody without the key can sign one, and one that is signed still takes no more memory than a token may."""
    signer = TextSigner((NEW_KEY,), purpose="sluicegate bulk load\n", giver="BulkLoad")
    text = signer.write(zlib.compress(b"\0" * 40_000_000, 9))

    with pytest.raises(errors.InvalidToken):
        SIGNER.read(text, org="main")


@pytest.mark.parametrize("keys", [(), (NEW_KEY, NEW_KEY)])
def test_keys_must_be_told_apart(keys):
    """Without a key, or with two of one id, no signer starts."""
    with pytest.raises(ValueError, match="token keys"):
        TokenSigner(keys)


def test_secrets_stay_out_of_repr():
    """Printing a key shows no secret."""
    assert "nnnn" not in repr(NEW_KEY)
