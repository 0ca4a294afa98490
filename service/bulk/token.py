"""Resume tokens: a load's name, signed, so that any replica can tell how the load stands without a database.

A token is `1.<key id>.<payload>.<signature>`: the payload is JSON in base64url, the signature HMAC-SHA256 in base64url
over everything before it. It can be read by whoever holds it and holds no secret; it cannot be made or changed.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from service import errors
from service.settings.signing_key import SigningKey

MAX_TOKEN_LENGTH = 4096
"""What `GetBulkLoadRequest.resume_token` takes."""

_VERSION = "1"
_TOKEN = re.compile(r"1\.(?P<key>[A-Za-z0-9_-]{1,32})\.(?P<payload>[A-Za-z0-9_-]+)\.(?P<signature>[A-Za-z0-9_-]{43})")
# Keeps a signature made for another purpose with the same secret from being taken for a token's.
_PURPOSE = "sluicegate bulk load\n"


class LoadToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says."""

    org: str
    """Name of the org."""
    job_id: str
    """Id of Salesforce's bulk job."""
    object: str
    """API name of the sObject."""
    operation: str
    """`insert`, `update`, `upsert` or `delete`."""
    external_id_field: str
    """API name of the external-id field; empty unless the operation is `upsert`."""
    rows: int
    """Rows received when the token was made; 0 in the first token of a load."""
    created: int
    """When the job was created, in seconds since the Unix epoch."""


class TokenSigner:
    """Writes and reads resume tokens.

    Args:
        keys: The first signs; all verify.

    Raises:
        ValueError: There is no key, or two have one id.

    """

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        self._secrets = {key.id: key.secret for key in keys}
        if not keys or len(self._secrets) != len(keys):
            raise ValueError("token keys must be at least one, with different ids")
        self._key_id = keys[0].id
        self._decoder = msgspec.json.Decoder(LoadToken)

    def write(self, token: LoadToken) -> str:
        """Return the signed token."""
        payload = _encode(msgspec.json.encode(token))
        signed = f"{_VERSION}.{self._key_id}.{payload}"
        return f"{signed}.{self._signature(signed, self._key_id)}"

    def read(self, text: str, *, org: str) -> LoadToken:
        """Check a token and return what it says.

        Args:
            text: The token as it was written.
            org: Name of the org it must have been made for.

        Raises:
            errors.InvalidToken: It was not signed here, was altered, or is of another org.

        """
        parts = _TOKEN.fullmatch(text) if len(text) <= MAX_TOKEN_LENGTH else None
        if parts is None or parts["key"] not in self._secrets:
            raise _invalid("is not one that this service signed; send it exactly as BulkLoad gave it")
        signed = text.rpartition(".")[0]
        if not hmac.compare_digest(self._signature(signed, parts["key"]), parts["signature"]):
            raise _invalid("was altered; send it exactly as BulkLoad gave it")
        try:
            payload = parts["payload"]
            token = self._decoder.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (ValueError, msgspec.MsgspecError) as error:
            raise _invalid("is of another version of this service") from error
        if token.org != org:
            raise _invalid("names a load of another org than the request")
        return token

    def _signature(self, signed: str, key_id: str) -> str:
        return _encode(hmac.digest(self._secrets[key_id], (_PURPOSE + signed).encode("ascii"), "sha256"))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _invalid(problem: str) -> errors.InvalidToken:
    return errors.InvalidToken(
        f"the resume token {problem}", violations=[errors.FieldViolation("resume_token", problem)]
    )
