"""Claims of deep links: an app that was installed from a link learns at its first start which record it is for.

A claim is a token `1.<key id>.<payload>.<signature>`: the payload in base64url, the signature HMAC-SHA256 in base64url
over everything before it. It is good once, until it expires, and on the platform it was made for. Nothing of the device
is guessed from what browser and app have in common: where no store or provider carries the token there is no claim.
"""

import binascii
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from urllib.parse import unquote

import msgspec

from service.deep_links.claim_store import ClaimStore
from service.deep_links.device import PHONES, Platform
from service.deep_links.keys import KeyRing
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.errors import ClaimExpired, ClaimsRefused, ClaimUsed, FieldViolation, InvalidClaim

MAX_TOKEN_LENGTH = 4096
"""What the contract takes."""
REFERRER_PARAMETER = "deferred_token"
"""The parameter of an install referrer that holds a token."""

_PURPOSE = "sluicegate-claim:"
"""Keeps what the same key signed for another purpose from being taken for a claim."""
_TOKEN = re.compile(r"1\.(?P<key>[A-Za-z0-9_-]{1,32})\.(?P<payload>[A-Za-z0-9_-]+)\.(?P<signature>[A-Za-z0-9_-]{43})")
_NONCE_BYTES = 12
_CLAIMANT_BYTES = 16
_SKEW_SECONDS = 3600
"""How far the store's clock may be behind: a token is remembered for longer than it is good."""


class _Payload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a token says."""

    nonce: str
    org: str
    platform: str
    created: int
    expires: int
    object: str
    record_id: str
    external_id_field: str
    external_id: str
    action: str
    provider: str
    campaign: dict[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an app learns."""

    link: Link
    created_at: int
    """When the link was followed, in seconds since the Unix epoch."""


class Claims:
    """Makes and takes the claims of one org.

    Args:
        org: The org's configured name.
        keys: The keys of its links.
        ttl_seconds: How long a claim is good.
        store: Remembers which were taken; None if none may be.
        nonce: Returns text that never comes again.

    """

    def __init__(
        self,
        org: str,
        keys: KeyRing,
        *,
        ttl_seconds: int,
        store: ClaimStore | None,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(_NONCE_BYTES),
    ) -> None:
        self._org = org
        self._keys = keys
        self._ttl_seconds = ttl_seconds
        self._store = store
        self._nonce = nonce

    def make(self, link: Link, platform: Platform, now: float) -> tuple[str, int]:
        """Return a token for a link, and when it expires, in seconds since the epoch.

        Args:
            link: What was followed.
            platform: Where it was followed; a phone.
            now: Seconds since the epoch.

        """
        key = link.record.key
        external = key if isinstance(key, ExternalId) else None
        expires = int(now) + self._ttl_seconds
        payload = _Payload(
            nonce=self._nonce(),
            org=self._org,
            platform=platform.value,
            created=int(now),
            expires=expires,
            object=link.record.object,
            record_id="" if external else str(key),
            external_id_field=external.field if external else "",
            external_id=external.value if external else "",
            action=link.action,
            provider=link.provider,
            campaign=dict(link.campaign),
        )
        signing = self._keys.signing()
        signed = f"1.{signing.id}.{_encode(msgspec.json.encode(payload))}"
        return f"{signed}.{_signature(signing.secret, signed)}", expires

    async def take(self, token: str, platform: Platform, now: float, *, claimant: str = "") -> Claim:
        """Return what a token was made for, and let nobody else have it.

        If cancelled, the token may be taken; a repeat with the same claimant gets it all the same.

        Args:
            token: What `make` returned.
            platform: Where the app was started.
            now: Seconds since the epoch.
            claimant: Names this start of the app among all; empty if a repeat is to fail.

        Raises:
            InvalidClaim: It was not made here, was altered, or is for another org or platform.
            ClaimExpired: It is too old.
            ClaimUsed: It was taken before.
            ClaimsRefused: None may be taken here.
            service.errors.SharedStoreUnavailable: Nobody knows whether it was taken before.

        """
        if platform not in PHONES:
            raise invalid_claim("platform", "is taken on iOS and Android only: name it", field="device.platform")
        payload = self._read(token)
        if payload.org != self._org:
            raise invalid_claim("org", "was made for another org")
        if payload.platform != platform:
            raise invalid_claim("platform", "was made for another platform")
        if now >= payload.expires:
            moment = datetime.fromtimestamp(payload.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise ClaimExpired(f"the claim expired at {moment}; follow the link again", metadata={"expired_at": moment})
        if self._store is None:
            raise ClaimsRefused(
                "deep links cannot be claimed without a store that replicas share: configure shared_store.url, or say "
                "in links.claims_without_store that there is but one replica",
                metadata={"setting": "shared_store.url"},
            )
        seconds = payload.expires - now + _SKEW_SECONDS
        name = _digest(claimant) if claimant else secrets.token_hex(_CLAIMANT_BYTES)
        if not await self._store.take(f"{payload.org}/{payload.nonce}", name, seconds):
            raise ClaimUsed("the deep link was claimed with this token before; a token works once")
        return Claim(_link(payload), payload.created)

    def _read(self, token: str) -> _Payload:
        parts = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
        key = self._keys.find(parts["key"]) if parts is not None else None
        if parts is None or key is None:
            raise invalid_claim("form", "is not one that this service made")
        signed = token.rpartition(".")[0]
        if not hmac.compare_digest(_signature(key.secret, signed), parts["signature"]):
            raise invalid_claim("signature", "was altered")
        try:
            text = urlsafe_b64decode(parts["payload"] + "=" * (-len(parts["payload"]) % 4))
            return msgspec.json.decode(text, type=_Payload)
        except (binascii.Error, msgspec.DecodeError) as error:
            raise invalid_claim("form", "is of another version of this service") from error


def token_of(install_referrer: str) -> str:
    """Return the token in what Google Play's Install Referrer library returned.

    Raises:
        InvalidClaim: There is none, or more than one.

    """
    pairs = (pair.partition("=") for pair in install_referrer.split("&"))
    found = [unquote(value) for name, _, value in pairs if name == REFERRER_PARAMETER]
    if len(found) != 1 or not found[0]:
        problem = f"holds the parameter {REFERRER_PARAMETER} {len(found)} times" if found else "holds no claim"
        raise invalid_claim("form", problem, field="install_referrer", subject="the install referrer")
    return found[0]


def invalid_claim(cause: str, problem: str, *, field: str = "token", subject: str = "the claim") -> InvalidClaim:
    """Return the error that says what is wrong with a claim."""
    return InvalidClaim(f"{subject} {problem}", metadata={"cause": cause}, violations=[FieldViolation(field, problem)])


def _link(payload: _Payload) -> Link:
    external = ExternalId(payload.external_id_field, payload.external_id)
    return Link(
        org=payload.org,
        record=LinkedRecord(payload.object, payload.record_id or external),
        provider=payload.provider,
        expires_at=payload.expires,
        action=payload.action,
        campaign=payload.campaign,
    )


def _signature(secret: bytes, text: str) -> str:
    return _encode(hmac.digest(secret, (_PURPOSE + text).encode("ascii"), "sha256"))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=_CLAIMANT_BYTES).hexdigest()
